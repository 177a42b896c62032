// Drives the JavaScript client: one command a line on stdin, one outcome a line on stdout, both JSON.
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { ClientError, Refused, connect, readRuntime, runtimePath } from "../../../clients/js/index.js";

const subscriptions = new Map();
let client;
let epoch;
let answered = 0;
let noticed = () => {};

const commands = {
  find: (_, where) => readRuntime(runtimePath(where)),
  async connect(_, { timeout_seconds: timeoutSeconds, ...where }) {
    client = await connect({ timeoutSeconds, ...where });
    epoch = client.epoch;
  },
  async subscribe(patterns, { into = "main" }) {
    subscriptions.set(into, await client.subscribe(...patterns));
  },
  async take([count], { of = "main" }) {
    const events = [];
    while (events.length < count) events.push(await subscriptions.get(of).next());
    return events;
  },
  publish: (events, options) => Promise.all(events.map((event) => client.publish(event, options))).then(() => null),
  request: ([event], { timeout_seconds: timeoutSeconds }) => client.request(event, { timeoutSeconds }),
  serve: ([topic], { how = "echo" }) =>
    client.serve(topic, (request) => {
      answered += 1;
      queueMicrotask(() => noticed());
      if (how === "refuse") throw new Refused("not today");
      return { type: "app.answer", text: request.text };
    }),
  async answer([count]) {
    while (answered < count) await new Promise((resolve) => (noticed = resolve));
  },
  async rejoin() {
    while (!client.isConnected || client.epoch === epoch) await setTimeout(1);
    epoch = client.epoch;
  },
  leave: (_, options) => client.close(options),
};

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  let outcome;
  try {
    outcome = { gives: (await commands[command.do](command.of, command.with)) ?? null };
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    outcome = { fails: { error: error.name, ...error } };
  }
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
}
await client?.close();
