// What a user of the client sees, over real sockets.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { unpack } from "../../../clients/js/decoder.js";
import { pack } from "../../../clients/js/encoder.js";
import { HelloRefused, PublishRefused, Refused, RequestFailed, correlationOf, withCorrelation } from "../../../clients/js/index.js";
import { FakeBroker } from "./support/fake_broker.mjs";
import { TOPIC, run } from "./support/runs.mjs";

let broker;
before(async () => (broker = await FakeBroker.start()));
after(() => broker.stop());

let names = 0;
/** A client whose name nobody else has, and what it says. */
async function joined(options) {
  const name = `client-${++names}`;
  return { name, client: await broker.client(name, options) };
}

/** A client that hears a topic of its own. */
async function listening() {
  const { name, client } = await joined();
  const topic = `app.heard_${names}`;
  const subscription = await client.subscribe(topic);
  while ((await broker.heard("SUBSCRIBE")).header !== topic);
  return { name, client, subscription, topic };
}

const failsAs = (kind, words = /./) => (error) => error instanceof RequestFailed && error.kind === kind && words.test(error.detail);
const refusedAs = (reason, words = /./) => (error) => error instanceof PublishRefused && error.reason === reason && words.test(error.detail);

test("it presents the credential that it is given, or the token", async () => {
  broker.said.length = 0;
  await joined({ credential: "secret" });
  assert.equal((await broker.heard("HELLO")).header[3], "secret");
  const { client } = await joined();
  assert.equal((await broker.heard("HELLO")).header[3], "token");
  assert.deepEqual([client.role, client.instance, client.epoch, client.isConnected], ["guest", "public", "e1", true]);
});

test("a refused HELLO rejects connect", async () => {
  broker.answers.HELLO = () => broker.say("refused", "FAILED", [0, "refused", "reserved_name: it needs its credential", "HELLO"]);
  await assert.rejects(broker.client("refused"), (error) => error instanceof HelloRefused && error.reason === "reserved_name");
  delete broker.answers.HELLO;
});

test("a client that is displaced tells everybody, and never comes back", async () => {
  const { name, client, subscription } = await listening();
  const waiting = [subscription.next(), client.request({ type: "app.ask" })];
  const followed = client.askThenFollow({ type: "app.list" }, "app.*").next();
  await broker.heard("REQUEST");
  broker.said.length = 0;
  await broker.say(name, "FAILED", [0, "refused", "displaced: another connection has the name", "HELLO"]);
  await assert.rejects(waiting[1], failsAs("died", /^displaced: another connection/));
  for (const each of [waiting[0], followed]) await assert.rejects(each, (error) => error instanceof HelloRefused && error.reason === "displaced");
  const later = [client.publish({ type: "app.a" }), client.request({ type: "app.a" }), client.subscribe("app.*"), client.serve("app.a", () => null)];
  for (const each of later) await assert.rejects(each, (error) => error instanceof HelloRefused && error.reason === "displaced");
  assert.equal(client.isConnected, false);
  assert.ok(!broker.said.some(({ verb }) => verb === "HELLO"));
});

test("what would arrive as something else is refused at the call, and nothing is sent", async () => {
  const { client } = await joined();
  broker.said.length = 0;
  for (const value of [new Map(), new Set(), [undefined], () => 1, Symbol("x"), new Date(), 2n ** 64n]) {
    await assert.rejects(client.publish({ type: "app.a", value }), refusedAs("unsendable", /^value/));
    await assert.rejects(client.request({ type: "app.a", value }), failsAs("invalid", /^unsendable: value/));
  }
  const large = { type: "app.a", value: new Uint8Array(16 * 1024 * 1024) };
  await assert.rejects(client.publish(large), refusedAs("oversize", /more than 16777211 bytes/));
  await assert.rejects(client.request(large), failsAs("invalid", /^oversize/));
  await assert.rejects(client.request({ type: "state.save", key: "a", value: 1, expectedRevision: 9 }), failsAs("invalid", /expected_revision is meant/));
  for (const event of [null, undefined, 7, "app.a", [], {}, { type: 7 }, { type: "" }, { type: `app.${"a".repeat(130)}` }]) {
    await assert.rejects(client.publish(event), refusedAs("malformed"));
    await assert.rejects(client.request(event), failsAs("invalid"));
  }
  for (const options of [{ key: 7 }, { key: "x".repeat(513) }, { correlation: {} }, { correlation: "x".repeat(129) }])
    await assert.rejects(client.publish({ type: "app.a" }, options), refusedAs("malformed"));
  for (const timeoutSeconds of [0, -1, NaN, "soon"]) await assert.rejects(client.request({ type: "app.a" }, { timeoutSeconds }), failsAs("invalid"));
  await assert.rejects(client.withdraw("app.a"), refusedAs("malformed"));
  for (const patterns of [[], [""], [7], Array(1025).fill("app.a")]) await assert.rejects(client.subscribe(...patterns), failsAs("invalid"));
  await assert.rejects(client.serve("app.a", "no function"), failsAs("invalid"));
  await client.publish({ type: "app.fine" });
  assert.deepEqual(broker.said.filter(({ verb }) => !["PING", "SNAPSHOT"].includes(verb)).map(({ header }) => header[1]), ["app.fine"]);
});

test("large and small values arrive as what they were", async () => {
  const { client } = await joined();
  broker.said.length = 0;
  const value = { big: 2n ** 63n, bytes: new Uint8Array([1, 2]), none: null, nan: NaN };
  Object.defineProperty(value, "__proto__", { value: 1, enumerable: true });
  await client.publish({ type: "app.a", value });
  const [event] = unpack((await broker.heard("PUBLISH")).body[0]);
  assert.deepEqual(event.value, value);
  assert.deepEqual(Object.keys(event.value).at(-1), "__proto__");
});

test("what is retained is withdrawn with an empty run", async () => {
  const { client } = await joined();
  await client.publish({ type: "app.state", value: 1 }, { key: "a", correlation: "note-1" });
  await client.withdraw("app.state", "a");
  const [published, withdrawn] = [await broker.heard("PUBLISH"), await broker.heard("PUBLISH")];
  const serial = published.header[0];
  assert.deepEqual(published.header, [serial, "app.state", 1, 1, "a", "note-1", false]);
  assert.deepEqual(withdrawn.header, [serial + 1, "app.state", 0, 2, "a", null, false]);
  assert.deepEqual([...withdrawn.body[0]], [0x90]);
});

test("a publisher that wants to waits for its subscribers", async () => {
  const { name, client } = await joined();
  let behind = 20_000;
  broker.answers.PUBLISH = ({ header }) => broker.say(name, "ACCEPTED", [header[0], behind]);
  let isOver = false;
  const waiting = client.publish({ type: "app.waits" }, { waitForSubscribers: true }).then(() => (isOver = true));
  await client.publish({ type: "app.does_not" });
  assert.deepEqual([client.behind, isOver], [20_000, false]);
  behind = 0;
  await client.publish({ type: "app.does_not" });
  await waiting;
  delete broker.answers.PUBLISH;
});

test("a key that every object inherits is a field of the reply, and kills nobody", async () => {
  const { name, client } = await joined();
  broker.answers.REQUEST = ({ header }) => {
    const body = Buffer.concat([Buffer.from([0x81]), pack("__proto__"), pack({ x: 1 })]);
    return broker.say(name, "REPLY", [header[0], "e1", 1, "server"], body);
  };
  const reply = await client.request({ type: "app.ask" }, { correlation: "note-1" });
  delete broker.answers.REQUEST;
  assert.equal(correlationOf(reply), "note-1");
  assert.deepEqual(Object.keys(reply), ["__proto__"]);
  assert.equal({}.x, undefined);
});

test("a reply that cannot be read fails the request as invalid", async () => {
  const { name, client } = await joined();
  const bodies = [Buffer.from([0xd6, 0xff, 0, 0, 0, 1]), Buffer.from([0x81, 0xc3, 1]), pack([1]), Buffer.from([0xc1]), Buffer.alloc(0)];
  for (const body of bodies) {
    broker.answers.REQUEST = ({ header }) => broker.say(name, "REPLY", [header[0], "e1", 1, "server"], body);
    await assert.rejects(client.request({ type: "app.ask" }), failsAs("invalid", /cannot be read/));
  }
  broker.answers.REQUEST = ({ header }) => broker.say(name, "REPLY", [header[0], "e1", 1, "server"]);
  await assert.rejects(client.request({ type: "app.ask" }), failsAs("invalid"));
  delete broker.answers.REQUEST;
  assert.equal(client.statistics.unreadable, bodies.length + 1);
});

test("an event that cannot be read is a gap, and the others come", async () => {
  const { client, subscription, topic } = await listening();
  const body = Buffer.concat([Buffer.from([0x93]), pack({ n: 1 }), Buffer.from([0xc7, 0, 1]), pack({ n: 3 })]);
  await broker.publish({ ...run(1, { topic, count: 3 }), body });
  const found = [await subscription.next(), await subscription.next(), await subscription.next()];
  assert.deepEqual(found, [{ n: 1 }, { type: "bus.gap", lost_topic: topic, count: 1, reason: "unreadable" }, { n: 3 }]);
  assert.equal(client.statistics.unreadable, 1);
});

test("a request that cannot be read is failed as invalid, and its handler never sees it", async () => {
  const { name, client } = await joined();
  let seen = 0;
  await client.serve("app.ask", () => ({ type: "app.answer", n: (seen += 1) }));
  for (const body of [Buffer.from([0xc1]), pack(7), Buffer.from([0x81, 1, 1])]) {
    await broker.say(name, "REQUEST", [1, "app.ask", 1000, null, "asker"], body);
    const { header } = await broker.heard("FAILED");
    assert.deepEqual(header.slice(0, 2), [1, "invalid"]);
  }
  await broker.say(name, "REQUEST", [2, "app.other", 1000, null, "asker"], pack({}));
  assert.equal((await broker.heard("FAILED")).header[1], "refused");
  assert.equal(seen, 0);
});

test("whatever a handler throws or returns, the asker is told and the client lives", async () => {
  const { name, client } = await joined();
  const warnings = [];
  const note = (warning) => warnings.push(warning);
  process.on("warning", note);
  const outcomes = [
    () => {
      throw null;
    },
    () => {
      throw Symbol("x");
    },
    () => {
      throw Object.create(null);
    },
    () => Promise.reject(undefined),
    () => Promise.reject(new TypeError("broken")),
    () => {
      throw new Refused("not today");
    },
    () => undefined,
    () => ({ type: "app.answer", value: new Map() }),
    () => ({ type: "app.answer", value: new Uint8Array(17 * 1024 * 1024) }),
  ];
  let outcome;
  await client.serve("app.ask", () => outcome());
  const kinds = [];
  for (outcome of outcomes) {
    await broker.say(name, "REQUEST", [kinds.length + 1, "app.ask", 1000, null, "asker"], pack({ type: "app.ask" }));
    kinds.push((await broker.heard("FAILED")).header[1]);
  }
  process.off("warning", note);
  assert.deepEqual(kinds, ["died", "died", "died", "died", "died", "refused", "refused", "refused", "refused"]);
  assert.equal(warnings.length, 5);
});

test("what a handler publishes and asks carries the correlation of its request", async () => {
  const { name, client } = await joined();
  await client.serve("app.ask", async (request, { source, correlation }) => {
    await new Promise((resolve) => setImmediate(resolve));
    client.request({ type: "app.further" }).catch(() => {});
    await client.publish({ type: "app.done" });
    await client.publish({ type: "app.else" }, { correlation: null });
    return { type: "app.answer", source, correlation, of: correlationOf(request) };
  });
  broker.said.length = 0;
  await broker.say(name, "REQUEST", [7, "app.ask", 1000, "note-1", "asker"], pack({ type: "app.ask" }));
  const reply = unpack((await broker.heard("REPLY")).body[0]);
  assert.deepEqual(reply, { type: "app.answer", source: "asker", correlation: "note-1", of: "note-1" });
  assert.equal((await broker.heard("REQUEST")).header[3], "note-1");
  assert.deepEqual([(await broker.heard("PUBLISH")).header[5], (await broker.heard("PUBLISH")).header[5]], ["note-1", null]);
  await broker.say(name, "REQUEST", [8, "app.ask", 1000, null, "asker"], pack({ type: "app.ask" }));
  assert.equal(unpack((await broker.heard("REPLY")).body[0]).correlation, "asker:8");
});

test("the matter of an event is continued", async () => {
  const { client, subscription, topic } = await listening();
  await broker.publish({ ...run(1, { topic }), correlation: "note-2" });
  broker.said.length = 0;
  const event = await subscription.next();
  await withCorrelation(event, () => client.publish({ type: "app.done" }));
  assert.equal((await broker.heard("PUBLISH")).header[5], "note-2");
});

test("an answer at once holds as of what was published last, and one that takes its time as of its request", async () => {
  const { name, client } = await joined();
  let isSlow = false;
  await client.serve("app.ask", () => {
    const reply = { type: "app.answer" };
    if (!isSlow) return reply;
    return client.publish({ type: "app.changed" }).then(() => reply);
  });
  const serialOfReply = async () => {
    await broker.say(name, "REQUEST", [1, "app.ask", 1000, null, "asker"], pack({ type: "app.ask" }));
    return (await broker.heard("REPLY")).header[1];
  };
  const before = await serialOfReply();
  assert.ok(before > 0, "0 would say: all that is published by then");
  isSlow = true;
  assert.equal(await serialOfReply(), before);
  isSlow = false;
  assert.equal(await serialOfReply(), before + 1);
});

test("ask, then follow: the reply, what is not in it, and a fresh reply when the server joins anew", async () => {
  const { name, client } = await joined();
  const topic = `app.followed_${names}`;
  const answer = (id, sequence, state) => broker.say(name, "REPLY", [id, "e1", sequence, "server"], pack({ type: "app.state", state }));
  const items = client.askThenFollow({ type: "app.list" }, topic);
  broker.said.length = 0;
  const first = items.next();
  const asked = await broker.heard("REQUEST");
  await broker.publish(run(1, { topic, source: "server", sequence: 2, count: 2 })); // a run of which the first event is in the reply
  await answer(asked.header[0], 2, "first");
  assert.deepEqual((await first).value, { kind: "reply", event: { type: "app.state", state: "first" } });
  assert.deepEqual((await items.next()).value, { kind: "event", event: { type: topic, n: 2 } });
  const next = items.next();
  const body = pack([{ type: "bus.peer_joined", peer: "server" }]);
  await broker.publish({ ...run(1, { topic: "bus.peer_joined", source: "broker", sequence: 6 }), body });
  await answer((await broker.heard("REQUEST")).header[0], 6, "second");
  assert.deepEqual((await next).value.event.state, "second");
  const last = items.next();
  await client.close();
  assert.equal((await last).done, true);
});

test("the first failure to answer is thrown", async () => {
  const { name, client } = await joined();
  broker.answers.REQUEST = ({ header }) => broker.say(name, "FAILED", [header[0], "no_responder", "nobody serves it"]);
  await assert.rejects(client.askThenFollow({ type: "app.list" }, ["app.*"]).next(), failsAs("no_responder"));
  delete broker.answers.REQUEST;
});

test("a loop over an endless stream can be left", async () => {
  const { name, client } = await joined();
  broker.answers.REQUEST = ({ header }) => broker.say(name, "REPLY", [header[0], "e1", 1, "server"], pack({ type: "app.state" }));
  broker.said.length = 0;
  for await (const { kind } of client.askThenFollow({ type: "app.list" }, "app.left")) if (kind === "reply") break;
  delete broker.answers.REQUEST;
  await broker.heard("UNSUBSCRIBE");
});

test("nothing can be done with a client that has left, and to leave twice does no harm", async () => {
  const { client, subscription } = await listening();
  const next = subscription.next();
  await client.close({ returning: true });
  await client.close();
  assert.equal((await broker.heard("BYE")).header[0], true);
  assert.equal(await next, undefined);
  await assert.rejects(client.publish({ type: "app.a" }), refusedAs("left"));
  await assert.rejects(client.request({ type: "app.a" }), failsAs("died"));
  await assert.rejects(client.subscribe("app.*"), failsAs("died"));
  await assert.rejects(client.serve("app.a", () => null), failsAs("died"));
});

test("a topic that begins like another is not heard in its place", async () => {
  const { subscription, topic } = await listening();
  await broker.publish(run(1, { topic: `${topic}_else` }));
  await broker.publish(run(1, { topic }));
  assert.equal((await subscription.next()).type, topic);
  assert.notEqual(topic, TOPIC);
});
