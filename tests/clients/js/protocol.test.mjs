// What a client says to the broker, when it says it again, and what becomes of those who wait.
import assert from "node:assert/strict";
import { test } from "node:test";
import { pack } from "../../../clients/js/encoder.js";
import { PublishRefused, RequestFailed } from "../../../clients/js/errors.js";
import { Protocol } from "../../../clients/js/protocol.js";
import { Lane, queued } from "./support/lane.mjs";
import { randomFrames } from "./support/random_frames.mjs";
import { pick, randomOf } from "./support/random_values.mjs";
import { TOPIC, framesOf, run } from "./support/runs.mjs";

const failsAs = (kind) => (error) => error instanceof RequestFailed && error.kind === kind;
const tick = () => new Promise((resolve) => setImmediate(resolve));

test("HELLO has the credential and a secret instance, the same on every connection", () => {
  const lane = new Lane({ name: "tray", credential: "secret" });
  lane.protocol.connected();
  lane.protocol.connected();
  const [first, second] = lane.said("HELLO");
  assert.deepEqual(first, second);
  assert.deepEqual([first[0], first[1], first[3]], [2, "tray", "secret"]);
  assert.match(first[2], /^[0-9a-f]{32}$/);
  lane.hear("WELCOME", [2, "e1", 0, 0, "public", "named"]);
  assert.deepEqual([lane.protocol.instance, lane.protocol.role, lane.protocol.isWelcome], ["public", "named", true]);
  assert.ok(!Object.values(lane.protocol).includes(first[2]), "nothing shows the secret one");
});

test("until WELCOME it says nothing but HELLO, and then all that waited", async () => {
  const lane = new Lane();
  lane.protocol.connected();
  const published = lane.publish("app.a");
  const { outcome } = lane.request();
  lane.protocol.serve("app.serve", () => {}, () => {});
  assert.deepEqual(lane.sent.map(([verb]) => verb), ["HELLO"]);
  lane.hear("WELCOME", [2, "e1", 0, 0]);
  assert.deepEqual(lane.sent.map(([verb]) => verb), ["HELLO", "PUBLISH", "SERVE", "REQUEST"]);
  lane.protocol.leave(false);
  await assert.rejects(published, PublishRefused);
  await assert.rejects(outcome);
});

test("a surplus WELCOME is ignored", () => {
  const lane = new Lane().welcome();
  lane.protocol.serve("app.a", () => {}, () => {});
  lane.said("SERVE");
  lane.hear("WELCOME", [2, "e1", 0, 0]);
  assert.deepEqual(lane.said("SERVE"), []);
});

for (const reason of ["displaced", "reserved_name", "wrong_version", "invalid_name"])
  test(`${reason}: all who wait are told, and it never says HELLO again`, async () => {
    const lane = new Lane().welcome();
    const waiting = [lane.publish("app.a"), lane.request().outcome];
    waiting.push(new Promise((resolve, reject) => lane.protocol.serve("app.s", resolve, reject)));
    lane.said("HELLO");
    lane.hear("FAILED", [0, "refused", `${reason}: another has it`, "HELLO"]);
    const [published, ...others] = (await Promise.allSettled(waiting)).map((each) => each.reason);
    assert.ok(published instanceof PublishRefused);
    assert.equal(published.reason, reason);
    assert.ok(failsAs("died")(others[0]), "it may have been carried out");
    assert.deepEqual([others[1].name, others[1].reason], ["HelloRefused", reason]);
    assert.equal(lane.stops.length, 1);
    lane.protocol.tick();
    lane.protocol.connected();
    lane.hear("WELCOME", [2, "e2", 0, 0]);
    assert.deepEqual([lane.said("HELLO"), lane.protocol.isWelcome], [[], false]);
  });

test("a name that is taken is tried again once a second", () => {
  const lane = new Lane();
  lane.protocol.connected();
  lane.hear("FAILED", [0, "refused", "duplicate_name: it is connected", "HELLO"]);
  assert.equal(lane.refusals[0].reason, "duplicate_name");
  lane.said("HELLO");
  lane.protocol.tick();
  assert.equal(lane.said("HELLO").length, 1);
});

test("every PING is answered with its own id, however large", () => {
  const lane = new Lane().welcome();
  lane.hear("PING", [0]);
  lane.hear("PING", [2n ** 63n + 1n]);
  assert.deepEqual(lane.said("PONG"), [[0], [2n ** 63n + 1n]]);
});

test("after a lost connection requests have died, and reads are made again", async () => {
  const lane = new Lane().welcome();
  const { outcome } = lane.request();
  lane.protocol.subscribe({ patterns: ["app.*"] }, () => {}, () => {});
  assert.equal(lane.said("SNAPSHOT").length, 1);
  lane.protocol.disconnected();
  await assert.rejects(outcome, failsAs("died"));
  lane.welcome();
  assert.deepEqual(lane.said("SNAPSHOT").map(([, patterns, isForHeads]) => [patterns, isForHeads]), [
    [["app.*"], false],
    [["app.*"], true],
  ]);
});

test("an unknown peer says HELLO, and what had no effect is sent after WELCOME", async () => {
  const lane = new Lane().welcome();
  const { id, outcome } = lane.request();
  lane.said("HELLO");
  lane.said("REQUEST");
  lane.hear("FAILED", [id, "refused", "unknown_peer: say HELLO", "REQUEST"]);
  assert.equal(lane.said("HELLO").length, 1);
  lane.hear("WELCOME", [2, "e1", 0, 0]);
  assert.equal(lane.said("REQUEST")[0][0], id);
  lane.hear("REPLY", [id, "e1", 4, "server"], pack({ a: 1 }));
  assert.deepEqual((await outcome).header, { id, epoch: "e1", sequence: 4, source: "server" });
});

test("a failure of a kind that nobody knows is invalid", async () => {
  const lane = new Lane().welcome();
  const { id, outcome } = lane.request();
  lane.hear("FAILED", [id, "bored", "not in the mood"]);
  await assert.rejects(outcome, failsAs("invalid"));
});

test("an answer whose header cannot be read fails the one who asked", async () => {
  const lane = new Lane().welcome();
  const { id, outcome } = lane.request();
  lane.hear("REPLY", [id, { epoch: "e1" }], pack({}));
  await assert.rejects(outcome, failsAs("invalid"));
  assert.equal(lane.protocol.counts.unreadable, 1);
});

test("an answer to another kind of question is none", () => {
  const lane = new Lane().welcome();
  const { id } = lane.request();
  lane.hear("SNAPSHOT", [id, "e1", 0, {}, 0]);
  assert.equal(lane.protocol.counts.ignored, 1);
  assert.deepEqual(lane.faults, []);
});

test("who waits no longer says CANCEL", async () => {
  const lane = new Lane().welcome();
  const { id, outcome } = lane.request();
  lane.protocol.giveUp(id, "deadline", "too late");
  await assert.rejects(outcome, failsAs("deadline"));
  assert.deepEqual(lane.said("CANCEL"), [[id]]);
});

test("a request is answered once, and not after CANCEL", () => {
  const lane = new Lane().welcome();
  for (const id of [1, 2]) lane.hear("REQUEST", [id, "app.ask", 1000, "note-1", "asker"], pack({}));
  const [first, second] = lane.asked;
  assert.deepEqual([first.correlation, first.source], ["note-1", "asker"]);
  lane.hear("CANCEL", [2]);
  for (const request of [first, first, second]) lane.protocol.reply(request, pack({}), 7);
  assert.deepEqual(lane.said("REPLY"), [[1, 7]]);
});

test("a request whose header cannot be read is failed, if its id can be", () => {
  const lane = new Lane().welcome();
  lane.hear("REQUEST", [7, { topic: "app.ask" }], pack({}));
  lane.hear("REQUEST", ["seven", "app.ask", 1000, null, "asker"], pack({}));
  assert.deepEqual(lane.said("FAILED").map(([id, kind]) => [id, kind]), [[7, "invalid"]]);
  assert.deepEqual(lane.asked, []);
});

test("an answer never goes to a request of a later connection that has the same id", () => {
  const lane = new Lane().welcome();
  lane.hear("REQUEST", [1, "app.ask", 1000, null, "asker"], pack({}));
  lane.welcome({ epoch: "e2" });
  lane.hear("REQUEST", [1, "app.ask", 1000, null, "another"], pack({}));
  lane.protocol.reply(lane.asked[0], pack({}), 0);
  assert.deepEqual(lane.said("REPLY"), []);
  lane.protocol.reply(lane.asked[1], pack({}), 0);
  assert.equal(lane.said("REPLY").length, 1);
});

test("a service that is refused after a reconnect is asked for again", () => {
  const lane = new Lane().welcome();
  lane.protocol.serve("app.a", () => {}, () => {});
  lane.hear("SERVE", [["app.a"]]);
  lane.welcome();
  lane.said("SERVE");
  lane.hear("FAILED", [0, "refused", "duplicate_service: another serves it", "SERVE"]);
  lane.protocol.tick();
  assert.deepEqual(lane.said("SERVE"), [[["app.a"]]]);
});

test("a snapshot is read page by page, and only the first page has heads", async () => {
  const lane = new Lane().welcome();
  const subscription = lane.subscribe(["app.*"], { isAnswered: false });
  const page = (next, ...runs) => {
    const [[id, , , after]] = lane.said("SNAPSHOT");
    lane.hear("SNAPSHOT", [id, "e1", after ? 99 : 5, after ? {} : { [TOPIC]: 6 }, next], ...runs.flatMap(framesOf));
    return after;
  };
  assert.deepEqual([page(3, run(2, { key: "a" })), page(8, run(4, { key: "b" })), page(0, run(6, { key: "c" }))], [0, 3, 8]);
  lane.feed(run(7));
  assert.deepEqual((await queued(subscription)).map(({ n }) => n), [2, 4, 7]);
});

test("a page of another epoch begins the snapshot anew, and a page without progress ends it", () => {
  const lane = new Lane().welcome();
  const subscription = lane.subscribe(["*"], { isAnswered: false });
  const answer = (epoch, next) => {
    const [[id, , , after]] = lane.said("SNAPSHOT");
    lane.hear("SNAPSHOT", [id, epoch, 5, {}, next]);
    return after;
  };
  assert.deepEqual([answer("e1", 3), answer("e2", 9), answer("e2", 4), answer("e2", 4)], [0, 3, 0, 4]);
  assert.equal(subscription.ordering.epoch, "e2");
  assert.deepEqual(lane.said("SNAPSHOT"), []);
});

test("a read for which the broker is too busy is made again a second later", () => {
  const lane = new Lane().welcome();
  lane.subscribe(["*"], { isAnswered: false });
  const [[id]] = lane.said("SNAPSHOT");
  lane.hear("FAILED", [id, "busy", "too many reads", "SNAPSHOT"]);
  assert.deepEqual(lane.said("SNAPSHOT"), []);
  lane.protocol.tick();
  assert.equal(lane.said("SNAPSHOT").length, 1);
});

test("what the feed lost is fetched, and the answer counts only in its own epoch", async () => {
  const lane = new Lane().welcome();
  const subscription = lane.subscribe(["app.*"]);
  lane.feed(run(3));
  const [[id, ...asked]] = lane.said("REPLAY");
  assert.deepEqual(asked, [TOPIC, 1, 2]);
  lane.hear("REPLAY", [id, TOPIC, 0, 3, "e0"], ...framesOf(run(1, { epoch: "e0", count: 2 })));
  lane.heartbeat({ [TOPIC]: 3 });
  for (let i = 0; i < 5; i++) lane.heartbeat({ [TOPIC]: 3 });
  const [[again]] = lane.said("REPLAY");
  lane.hear("REPLAY", [again, TOPIC, 0, 3, "e1"], ...framesOf(run(1, { count: 2 })));
  assert.deepEqual((await queued(subscription)).map(({ n }) => n), [1, 2, 3]);
});

test("after a gap the retained events among the lost ones are recalled", async () => {
  const lane = new Lane().welcome();
  const subscription = lane.subscribe(["app.*"]);
  lane.feed(run(5));
  const [[id]] = lane.said("REPLAY");
  lane.hear("REPLAY", [id, TOPIC, 4, 5, "e1"]);
  lane.answerSnapshots({ runs: [run(2, { key: "a" }), run(5, { key: "b" })] });
  const gap = { type: "bus.gap", lost_topic: TOPIC, count: 4, reason: "ring_exceeded" };
  assert.deepEqual((await queued(subscription)).map((event) => event.n ?? event), [gap, 5, 2]);
});

test("a subscription that is full misses what comes, and fetches it once it has room; others miss nothing", async () => {
  const lane = new Lane().welcome();
  const [slow, fast] = [lane.subscribe([TOPIC]), lane.subscribe(["app.*"])];
  for (let i = 0; i < 4; i++) lane.feed(run(1 + i * 5000, { count: 5000 }));
  for (let i = 0; i < 20_000; i++) await fast.next();
  lane.feed(run(20_001));
  lane.heartbeat({ [TOPIC]: 20_001 });
  assert.equal((await fast.next()).n, 20_001);
  assert.deepEqual([lane.said("REPLAY"), lane.said("SNAPSHOT")], [[], []]);
  for (let i = 0; i < 12_000; i++) await slow.next();
  lane.answerSnapshots({ heads: { [TOPIC]: 20_001 } });
  const [[id, ...asked]] = lane.said("REPLAY");
  assert.deepEqual(asked, [TOPIC, 20_001, 20_001]);
  lane.hear("REPLAY", [id, TOPIC, 0, 20_002, "e1"], ...framesOf(run(20_001)));
  for (let i = 0; i < 8000; i++) await slow.next();
  assert.equal((await slow.next()).n, 20_001);
});

test("of what a subscription missed no more is fetched than it takes", async () => {
  const lane = new Lane().welcome();
  const subscription = lane.subscribe(["app.*"]);
  lane.heartbeat({ [TOPIC]: 50_000 });
  const [[id]] = lane.said("REPLAY");
  lane.hear("REPLAY", [id, TOPIC, 0, 17_001, "e1"], ...framesOf(run(1, { count: 17_000 })));
  assert.deepEqual(lane.said("REPLAY"), []);
  for (let i = 0; i < 10_000; i++) await subscription.next();
  lane.answerSnapshots({ heads: { [TOPIC]: 50_000 } });
  assert.deepEqual(lane.said("REPLAY").map(([, ...asked]) => asked), [[TOPIC, 17_001, 50_000]]);
});

test("it says how far it has handed on, every 8,192 events", async () => {
  const lane = new Lane().welcome();
  const subscription = lane.subscribe(["app.*"], { heads: { [TOPIC]: 100 } });
  for (let i = 0; i < 9; i++) lane.feed(run(101 + i * 1000, { count: 1000 }));
  for (let i = 0; i < 9000; i++) {
    await subscription.next();
    if (i === 8998) assert.deepEqual(lane.said("HEARD"), []);
  }
  assert.deepEqual(lane.said("HEARD"), [[TOPIC, 9100]]);
});

test("publishers that wait for subscribers go on once these have come near", async () => {
  const lane = new Lane().welcome();
  const waits = [1, 2].map((serial) => {
    const wait = { isOver: false };
    void lane.protocol.room(serial).then(() => (wait.isOver = true));
    return wait;
  });
  const overAfter = async (serial, behind) => {
    lane.hear("ACCEPTED", [serial, behind]);
    await tick();
    return waits.map(({ isOver }) => isOver);
  };
  assert.deepEqual(await overAfter(1, 16_385), [false, false]);
  assert.equal(lane.protocol.behind, 16_385);
  assert.deepEqual(await overAfter(1, 16_384), [true, false], "of the second message nothing was told yet");
  assert.deepEqual(await overAfter(2, 20_000), [true, false]);
  assert.deepEqual(await overAfter(2, 0), [true, true]);
  await lane.protocol.room(2);
});

test("behind what a new broker has is nobody", async () => {
  const lane = new Lane().welcome();
  lane.hear("ACCEPTED", [1, 99_999]);
  const room = lane.protocol.room(1);
  lane.welcome({ epoch: "e2" });
  await room;
});

test("to those who wait a client that leaves says so", async () => {
  const lane = new Lane().welcome();
  const [published, { outcome }] = [lane.publish("app.a"), lane.request()];
  lane.hear("ACCEPTED", [0, 99_999]);
  const room = lane.protocol.room(1);
  lane.protocol.leave(true);
  assert.deepEqual(lane.said("BYE"), [[true]]);
  await assert.rejects(published, PublishRefused);
  await assert.rejects(room, PublishRefused);
  await assert.rejects(outcome, failsAs("died"));
});

test("more patterns than a snapshot may have are one for everything", () => {
  const lane = new Lane().welcome();
  lane.subscribe(Array.from({ length: 1000 }, (_, i) => `app.a${i}`));
  lane.subscribe(Array.from({ length: 1000 }, (_, i) => `app.b${i}`));
  lane.protocol.feed([Buffer.from("!welcome")]);
  assert.deepEqual(lane.said("SNAPSHOT").map(([, patterns]) => patterns), [["*"]]);
});

test("no frames on either socket make it throw, however many", () => {
  const random = randomOf(3);
  const lane = new Lane().welcome();
  const subscriptions = [lane.subscribe(["app.*"]), lane.subscribe(["*"])];
  for (let i = 0; i < 40_000; i++) {
    if (i % 100 === 0) {
      lane.welcome({ epoch: pick(random, ["e1", "e2", "e3"]) });
      lane.request().outcome.catch(() => {});
      lane.publish("app.a").catch(() => {});
      lane.sent = [];
      for (const subscription of subscriptions) void subscription.next();
    }
    const frames = randomFrames(random);
    if (random() < 0.5) lane.protocol.lane(frames);
    else lane.protocol.feed(frames);
  }
  assert.deepEqual(lane.faults, []);
  assert.ok(lane.protocol.counts.unreadable > 1000);
  assert.ok(lane.protocol instanceof Protocol);
});
