// As much of a browser as the script of a page needs, steered over stdin and stdout in lines of JSON:
//   arguments: the script, the host, the token, and whose WebSocket: `ws` of the package, `own` of Node.js
//   in:  {"call": "sendMessage", "arguments": [..]}, {"later_ms": 10000}
//   out: {"element": "messages", "append": ".."}, {"element": "status", "text": ".."}, {"failed": ".."}
// The page's clock stands still until it is told. It ends when stdin does.
"use strict";

const { webcrypto } = require("crypto");
const fs = require("fs");
const readline = require("readline");
const vm = require("vm");

const [script, host, token, whose] = process.argv.slice(2);

function tell(event) {
  process.stdout.write(JSON.stringify(event) + "\n");
}

function element(id) {
  return {
    append: (text) => tell({ element: id, append: String(text) }),
    set textContent(text) {
      tell({ element: id, text: String(text) });
    },
  };
}

let now = 0;
let timers = [];

function later(ms) {
  now += ms;
  const due = timers.filter((timer) => timer.at <= now).sort((one, other) => one.at - other.at);
  timers = timers.filter((timer) => timer.at > now);
  due.forEach((timer) => timer.run());
}

const page = vm.createContext({
  WebSocket: whose === "own" ? globalThis.WebSocket : require("ws"),
  crypto: webcrypto,
  document: { getElementById: element },
  localStorage: { getItem: (key) => (key === "token" ? token : null) },
  location: { host },
  setTimeout: (run, ms) => timers.push({ at: now + ms, run }) && timers[timers.length - 1],
  clearTimeout: (timer) => (timers = timers.filter((other) => other !== timer)),
});

process.on("uncaughtException", (error) => tell({ failed: String(error.stack) }));
vm.runInContext(fs.readFileSync(script, "utf8"), page, { filename: script });

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const order = JSON.parse(line);
  if (order.call) page[order.call](...order.arguments);
  else later(order.later_ms);
}).on("close", () => process.exit(0));
