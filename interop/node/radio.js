// Push-to-talk clients of the original router's own encoder, steered over stdin and stdout in lines of JSON:
//   in:  {"id": 1, "connect": "ws://..", "headers": {..}}, {"id": 1, "say": [..]}, {"id": 1, "close": true}, {"id": 1, "cut": true}
//   out: {"id": 1, "open": true}, {"id": 1, "refused": 401}, {"id": 1, "frame": [..]}, {"id": 1, "closed": 1000}
// Bytes are {"$bin": hex}, undefined is {"$undefined": true}. It ends when stdin does.
"use strict";

const notepack = require("notepack.io");
const readline = require("readline");
const WebSocket = require("ws");

const sockets = new Map();

function tell(id, event) {
  process.stdout.write(JSON.stringify({ id, ...event }) + "\n");
}

function toJson(value) {
  if (value === undefined) return { $undefined: true };
  if (Buffer.isBuffer(value)) return { $bin: value.toString("hex") };
  return value;
}

function fromJson(value) {
  if (value !== null && typeof value === "object" && "$bin" in value) return Buffer.from(value.$bin, "hex");
  if (value !== null && typeof value === "object" && "$undefined" in value) return undefined;
  return value;
}

function connect(id, url, headers) {
  const socket = new WebSocket(url, { headers, perMessageDeflate: false });
  sockets.set(id, socket);
  socket.on("open", () => tell(id, { open: true }));
  socket.on("message", (data, isBinary) => {
    if (!isBinary) return tell(id, { failed: "a text frame" });
    tell(id, { frame: notepack.decode(data).map(toJson) });
  });
  socket.on("unexpected-response", (_, response) => {
    tell(id, { refused: response.statusCode });
    socket.terminate();
  });
  // What went wrong is told by what follows it: the end.
  socket.on("error", () => {});
  socket.on("close", (code) => {
    sockets.delete(id);
    tell(id, { closed: code });
  });
}

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, connect: url, headers, say, close, cut } = JSON.parse(line);
  if (url) return connect(id, url, headers);
  const socket = sockets.get(id);
  if (!socket) return;
  if (say) socket.send(notepack.encode(say.map(fromJson)));
  if (close) socket.close(1000);
  if (cut) socket.terminate();
}).on("close", () => process.exit(0));
