// A queue between what arrives and those who take it: nothing is lost, repeated or handed to two.
import assert from "node:assert/strict";
import { test } from "node:test";
import { correlationOf } from "../../../clients/js/correlation.js";
import { pack } from "../../../clients/js/encoder.js";
import { Subscription } from "../../../clients/js/subscription.js";
import { TOPIC, run } from "./support/runs.mjs";

const runOf = (number, bodies, more = {}) => {
  const body = Buffer.concat([Buffer.from([0x90 | bodies.length]), ...bodies]);
  return { ...run(number, { count: bodies.length, ...more }), body };
};
const TIMESTAMP = Buffer.from([0xd6, 0xff, 0, 0, 0, 1]);

test("events come in order, to those who waited first", async () => {
  const subscription = new Subscription([TOPIC]);
  const waiting = [subscription.next(), subscription.next(), subscription.next()];
  subscription._hear(run(1, { count: 2 }), false);
  subscription._hear(run(3, { count: 2 }), false);
  const numbers = (await Promise.all([...waiting, subscription.next()])).map(({ n }) => n);
  assert.deepEqual(numbers, [1, 2, 3, 4]);
});

test("events that cannot be read are one gap where they stood, and counted", async () => {
  let unreadable = 0;
  const subscription = new Subscription([TOPIC], { unreadable: (count) => (unreadable += count) });
  subscription._hear(runOf(1, [pack({ n: 1 }), TIMESTAMP, pack(7), pack({ n: 4 }), TIMESTAMP]), false);
  const gap = (count) => ({ type: "bus.gap", lost_topic: TOPIC, count, reason: "unreadable" });
  const found = [await subscription.next(), await subscription.next(), await subscription.next(), await subscription.next()];
  assert.deepEqual(found, [{ n: 1 }, gap(2), { n: 4 }, gap(1)]);
  assert.equal(unreadable, 3);
});

test("an event that only looks like a gap is an event", async () => {
  const subscription = new Subscription(["*"]);
  subscription._hear(runOf(1, [pack({ type: "bus.gap", count: 1 }), TIMESTAMP]), false);
  assert.ok((await subscription._take()).run);
  assert.equal((await subscription._take()).run, null);
});

test("it says when the last event of a run was handed on, but not of retained ones", async () => {
  const heard = [];
  const subscription = new Subscription([TOPIC], { handedOn: ({ number, count }) => heard.push(number + count - 1) });
  subscription._hear({ ...run(1, { key: "a" }) }, true);
  subscription._hear(run(2, { count: 2 }), false);
  await subscription.next();
  await subscription.next();
  assert.deepEqual(heard, []);
  await subscription.next();
  assert.deepEqual(heard, [3]);
});

test("a loop that ends closes it", async () => {
  let left = 0;
  const subscription = new Subscription([TOPIC], { leave: () => (left += 1) });
  subscription._hear(run(1, { count: 3 }), false);
  for await (const { n } of subscription) if (n === 2) break;
  assert.deepEqual([left, subscription.isClosed, await subscription.next()], [1, true, undefined]);
  subscription.close();
  assert.equal(left, 1);
});

test("what was queued before the end is handed on, and then the end or its error", async () => {
  const [ended, failed] = [new Subscription([TOPIC]), new Subscription([TOPIC])];
  for (const each of [ended, failed]) each._hear(run(1), false);
  const waiting = [ended.next(), ended.next()];
  ended._finish();
  failed._finish(new Error("displaced"));
  assert.deepEqual((await Promise.all(waiting)).map((event) => event?.n), [1, undefined]);
  assert.equal((await failed.next()).n, 1);
  await assert.rejects(failed.next(), /displaced/);
  await assert.rejects(failed.next(), /displaced/);
});

test("it is full with many events, and has room again once half of them are taken", async () => {
  let rooms = 0;
  const subscription = new Subscription([TOPIC], { hasRoom: () => (rooms += 1) });
  subscription._hear(run(1, { count: 16_384 }), false);
  assert.equal(subscription._isFull, false);
  subscription._hear(run(16_385), false);
  assert.equal(subscription._isFull, true);
  for (let i = 0; i < 8192; i++) await subscription.next();
  assert.deepEqual([subscription._isFull, rooms], [true, 0]);
  await subscription.next();
  assert.deepEqual([subscription._isFull, rooms], [false, 1]);
});

test("events that became one gap count as one once they are read", async () => {
  const subscription = new Subscription([TOPIC]);
  subscription._hear({ ...run(1, { count: 16_000 }), body: Buffer.from([0xc1]) }, false);
  assert.equal((await subscription.next()).count, 16_000);
  subscription._hear(run(16_001, { count: 16_384 }), false);
  assert.equal(subscription._isFull, false);
});

test("it is full with few events that are large, and reads them only when they are taken", async () => {
  let rooms = 0;
  const subscription = new Subscription([TOPIC], { hasRoom: () => (rooms += 1) });
  const large = { ...runOf(1, [pack({ filler: new Uint8Array(15 * 1024 * 1024) })]) };
  for (let i = 0; i < 5; i++) subscription._hear(large, false);
  assert.equal(subscription._isFull, true);
  for (let i = 0; i < 3; i++) await subscription.next();
  assert.deepEqual([subscription._isFull, rooms], [false, 1]);
});

test("events bear the correlation with which they came", async () => {
  const subscription = new Subscription([TOPIC]);
  subscription._hear({ ...run(1), correlation: "note-1" }, false);
  subscription._hear(run(2), false);
  assert.equal(correlationOf(await subscription.next()), "note-1");
  assert.equal(correlationOf(await subscription.next()), null);
});

test("each event of a run has a place of its own", async () => {
  const subscription = new Subscription([TOPIC]);
  const events = [pack({ n: 1 }), TIMESTAMP, TIMESTAMP, pack({ n: 4 }), pack({ n: 5 })];
  subscription._hear({ ...runOf(1, events, { sequence: 70 }), skip: 1 }, false);
  const found = [await subscription._take(), await subscription._take(), await subscription._take()];
  assert.deepEqual(found.map(({ event, sequence }) => [event.n, sequence]), [
    [undefined, 71],
    [4, 73],
    [5, 74],
  ]);
});
