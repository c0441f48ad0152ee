// An EventSource, as pages have it: what it is told goes to standard output, one JSON object a line.
const { EventSource } = require("eventsource");

const source = new EventSource(process.argv[2]);
source.onmessage = (event) => {
  const said = JSON.parse(event.data);
  console.log(JSON.stringify({ type: said.type, id: event.lastEventId, content: said.message?.content }));
};
source.onerror = () => console.log(JSON.stringify({ type: "error", closed: source.readyState === 2 }));
