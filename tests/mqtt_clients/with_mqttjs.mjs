// What a client does with a broker, with MQTT.js: `with_mqttjs.mjs URL VERSION [CA]` prints `ok`, or fails with a reason.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

// From where it was installed, which is the working directory.
const mqtt = createRequire(`${process.cwd()}/`)("mqtt");
const SOON = 30_000;
const [url, versionName, authority] = process.argv.slice(2);
const isV5 = versionName === "5";

class Client {
  static async connect(name, options = {}) {
    const client = new Client();
    client.messages = [];
    client.waiting = [];
    client.inner = await mqtt.connectAsync(url, {
      clientId: `mqttjs-${name}`,
      protocolVersion: isV5 ? 5 : 4,
      reconnectPeriod: 0,
      connectTimeout: SOON,
      ca: authority && readFileSync(authority),
      ...options,
    });
    client.inner.on("message", (topic, payload, { qos, retain, properties }) => {
      const message = { topic, payload, qos, retain, properties };
      const taker = client.waiting.shift();
      taker ? taker(message) : client.messages.push(message);
    });
    return client;
  }

  async subscribe(topic, qos) {
    const [granted] = await this.inner.subscribeAsync(topic, { qos });
    assert.ok(granted.qos <= 2, `SUBACK ${granted.qos}`);
  }

  publish(topic, payload, options = {}) {
    return this.inner.publishAsync(topic, payload, { qos: 1, ...options });
  }

  async expect(topic, payload, qos, retain = false) {
    const late = new Promise((_, fail) => {
      setTimeout(() => fail(new Error(`nothing has come on ${topic}`)), SOON).unref();
    });
    const next = this.messages.shift() ?? new Promise((taker) => this.waiting.push(taker));
    const message = await Promise.race([next, late]);
    assert.deepEqual([message.topic, message.qos, message.retain], [topic, qos, retain]);
    assert.ok(Buffer.from(payload).equals(message.payload), `another payload on ${topic}`);
    return message;
  }

  end() {
    return this.inner.endAsync();
  }

  /** Without DISCONNECT. */
  breakOff() {
    this.inner.stream.destroy();
  }
}

async function levels(sender, receiver) {
  await receiver.subscribe("mqttjs/levels/+", 2);
  for (const qos of [0, 1, 2]) {
    await sender.publish(`mqttjs/levels/${qos}`, `at ${qos}`, { qos });
    await receiver.expect(`mqttjs/levels/${qos}`, `at ${qos}`, qos);
  }
}

async function large(sender, receiver) {
  await receiver.subscribe("mqttjs/large", 1);
  const payload = Buffer.alloc(200 << 10, "0123456789");
  await sender.publish("mqttjs/large", payload);
  await receiver.expect("mqttjs/large", payload, 1);
}

async function retained(sender) {
  await sender.publish("mqttjs/retained", "kept", { retain: true });
  const late = await Client.connect("late");
  await late.subscribe("mqttjs/retained", 1);
  await late.expect("mqttjs/retained", "kept", 1, true);
  await sender.publish("mqttjs/retained", "", { retain: true });
  await late.expect("mqttjs/retained", "", 1);
  await late.end();
  const later = await Client.connect("later");
  await later.subscribe("mqttjs/retained", 1);
  await later.publish("mqttjs/retained", "live");
  await later.expect("mqttjs/retained", "live", 1);
  await later.end();
}

async function will(_, receiver) {
  await receiver.subscribe("mqttjs/will", 1);
  const mortal = await Client.connect("mortal", {
    will: { topic: "mqttjs/will", payload: Buffer.from("gone"), qos: 1, retain: false },
  });
  mortal.breakOff();
  await receiver.expect("mqttjs/will", "gone", 1);
}

async function properties(sender, receiver) {
  await receiver.subscribe("mqttjs/properties", 1);
  const sent = {
    payloadFormatIndicator: true,
    messageExpiryInterval: 100,
    contentType: "text/plain",
    responseTopic: "mqttjs/answers",
    correlationData: Buffer.from([0, 255]),
    userProperties: { a: ["1", "3"], b: "2" },
  };
  await sender.publish("mqttjs/properties", "text", { properties: sent });
  const { properties: came } = await receiver.expect("mqttjs/properties", "text", 1);
  assert.ok(came.messageExpiryInterval > 0 && came.messageExpiryInterval <= 100);
  for (const name of ["payloadFormatIndicator", "contentType", "responseTopic", "correlationData"]) {
    assert.deepEqual(came[name], sent[name], name);
  }
  assert.deepEqual({ ...came.userProperties }, sent.userProperties);
}

const [sender, receiver] = [await Client.connect("sender"), await Client.connect("receiver")];
for (const run of [levels, large, retained, will, ...(isV5 ? [properties] : [])]) {
  await run(sender, receiver);
}
await sender.end();
await receiver.end();
console.log("ok");
