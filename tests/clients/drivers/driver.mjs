// Drives the JavaScript client: one command a line on stdin, one outcome a line on stdout, both JSON. clients/CONFORMANCE.md has the commands.
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { ClientError, HelloRefused, Refused, RequestFailed, connect, correlationOf, readRuntime, runtimePath } from "../../../clients/js/index.js";

const subscriptions = new Map();
const followed = new Map();
let client;
let epoch;
let answered = 0;
let noticed = () => {};

const publishOptions = ({ wait_for_subscribers: waitForSubscribers, ...options }) => ({ waitForSubscribers, ...options });

const commands = {
  find: (_, where) => readRuntime(runtimePath(where)),
  async connect(_, { timeout_seconds: timeoutSeconds, ...where }) {
    client = await connect({ timeoutSeconds, ...where });
    epoch = client.epoch;
  },
  status: () => ({ role: client.role, instance: client.instance, behind: client.behind, unreadable: client.statistics.unreadable }),
  async subscribe(patterns, { into = "main" }) {
    subscriptions.set(into, await client.subscribe(...patterns));
  },
  unsubscribe: (_, { of = "main" }) => subscriptions.get(of).close(),
  async take([count], { of = "main", correlations = false }) {
    const events = [];
    while (events.length < count) events.push(await subscriptions.get(of).next());
    return correlations ? events.map((event) => ({ event, correlation: correlationOf(event) })) : events;
  },
  publish: (events, { timeout_seconds: limit, ...options }) =>
    within(limit, Promise.all(events.map((event) => client.publish(event, publishOptions(options)))).then(() => null)),
  withdraw: ([topic, key]) => client.withdraw(topic, key),
  request: ([event], { timeout_seconds: timeoutSeconds, ...options }) => client.request(event, { timeoutSeconds, ...options }),
  serve: ([topic], { how = "echo" }) =>
    client.serve(topic, (request) => {
      answered += 1;
      queueMicrotask(() => noticed());
      return handlers[how](request);
    }),
  async answer([count]) {
    while (answered < count) await new Promise((resolve) => (noticed = resolve));
  },
  follow([request, ...patterns], { into = "main", ...options }) {
    followed.set(into, client.askThenFollow(request, patterns, options));
  },
  async take_followed([count], { of = "main" }) {
    const items = [];
    while (items.length < count) items.push((await followed.get(of).next()).value);
    return items.map(({ kind, event }) => ({ [kind]: event }));
  },
  async rejoin() {
    while (!client.isConnected || client.epoch === epoch) await setTimeout(1);
    epoch = client.epoch;
  },
  pass_time([seconds]) {
    const now = performance.now.bind(performance);
    performance.now = () => now() + seconds * 1000;
  },
  leave: (_, options) => client.close(options),
};

const echo = ({ text }) => ({ type: "app.answer", text });

const handlers = {
  echo,
  refuse() {
    throw new Refused("not today");
  },
  publish: (request) => client.publish({ type: "app.noted" }).then(() => echo(request)),
  ask: () => client.request({ type: "app.other" }),
  large: () => ({ type: "app.answer", filler: new Uint8Array(17 * 1024 * 1024) }),
};

class TimeoutError extends Error {}

async function within(seconds, outcome) {
  if (seconds === undefined) return outcome;
  outcome.catch(() => {});
  return Promise.race([outcome, setTimeout(seconds * 1000, null, { ref: false }).then(() => Promise.reject(new TimeoutError()))]);
}

// -- values that JSON does not have

const FLOATS = { nan: NaN, inf: Infinity, "-inf": -Infinity };

function fromJson(value) {
  if (Array.isArray(value)) return value.map(fromJson);
  if (typeof value !== "object" || value === null) return value;
  const [[name, text] = []] = Object.entries(value);
  if (name === "$bin") return new Uint8Array(Buffer.from(text, "hex"));
  if (name === "$bytes") return new Uint8Array(text);
  if (name === "$int") return BigInt(text);
  if (name === "$float") return FLOATS[text];
  if (name === "$nested") return Array.from({ length: text - 1 }).reduce((inner) => [inner], []);
  return withFields(value, fromJson);
}

function toJson(value) {
  if (typeof value === "bigint") return { $int: String(value) };
  if (typeof value === "number" && !Number.isFinite(value)) return { $float: Object.keys(FLOATS).find((name) => Object.is(FLOATS[name], value)) };
  if (value instanceof Uint8Array) return { $bin: Buffer.from(value).toString("hex") };
  if (Array.isArray(value)) return value.map(toJson);
  return typeof value === "object" && value !== null ? withFields(value, toJson) : value;
}

/** A field named `__proto__` is one like any other. */
function withFields(value, change) {
  const fields = {};
  for (const [name, found] of Object.entries(value))
    Object.defineProperty(fields, name, { value: change(found), enumerable: true, writable: true, configurable: true });
  return fields;
}

function failure(error) {
  if (error instanceof TimeoutError) return { error: "TimeoutError" };
  if (!(error instanceof ClientError)) throw error;
  const more = error instanceof RequestFailed ? { message: error.detail } : error instanceof HelloRefused ? { name: error.peer } : {};
  return { error: error.name, ...error, ...more };
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  let outcome;
  try {
    outcome = { gives: toJson((await commands[command.do](fromJson(command.of), fromJson(command.with))) ?? null) };
  } catch (error) {
    outcome = { fails: failure(error) };
  }
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
}
await client?.close();
