// Publishes as fast as it is told to, so often and until it is told to stop, with packets written by hand: MQTT 3.1.1,
// QoS 0.
import { connect } from "node:net";
import { parentPort, workerData } from "node:worker_threads";

const SOCKETS = 4;
const TICK_MS = 10;
const { port, topic, perSecond, atLeast } = workerData;

const text = (value) => Buffer.concat([Buffer.from([0, value.length]), Buffer.from(value)]);
const packet = (type, body) => Buffer.concat([Buffer.from([type, body.length]), body]);
const hello = (id) => packet(0x10, Buffer.concat([text("MQTT"), Buffer.from([4, 2, 0, 60]), text(id)]));
const message = packet(0x30, Buffer.concat([text(topic), Buffer.from('{"celsius":21.5}')]));

const once = (emitter, event) => new Promise((resolve, reject) => emitter.once(event, resolve).once("error", reject));

async function client(number) {
  const socket = connect(port, "127.0.0.1");
  socket.setNoDelay(true);
  socket.write(hello(`flood-${number}`));
  const [type, , , code] = await once(socket, "data");
  if (type !== 0x20 || code !== 0) throw new Error(`the broker refused client ${number}: ${code}`);
  socket.resume();
  return socket;
}

const sockets = await Promise.all(Array.from({ length: SOCKETS }, (_, number) => client(number)));
const began = performance.now();
let published = 0;
let isAskedToStop = false;
parentPort.once("message", () => (isAskedToStop = true));

/** What is due by now, shared out; a socket that is full is waited for. */
async function publishDue() {
  const due = Math.ceil(((performance.now() - began) / 1000) * perSecond) - published;
  const share = Math.ceil(due / SOCKETS);
  let left = due;
  for (const socket of sockets) {
    const count = Math.min(share, left);
    left -= count;
    if (count > 0 && !socket.write(Buffer.concat(Array(count).fill(message)))) await once(socket, "drain");
  }
  published += due;
}

while (!isAskedToStop || published < atLeast) {
  await publishDue();
  // The beat of the sender, not a wait for anything.
  await new Promise((resolve) => setTimeout(resolve, TICK_MS));
}
const seconds = (performance.now() - began) / 1000;
for (const socket of sockets) socket.end(Buffer.from([0xe0, 0]));
await Promise.all(sockets.map((socket) => once(socket, "close")));
parentPort.postMessage({ published, seconds });
