// No older state replaces a newer one, in whatever order replies and events arrive.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ReplyMerge } from "../../../clients/js/reply_merge.js";
import { MergeWorld } from "./support/merge_world.mjs";
import { randomOf } from "./support/random_values.mjs";

const PLACE = { epoch: "e1", sequence: 5, source: "server" };
const came = (sequence, more = {}) => ({
  topic: "app.a",
  epoch: "e1",
  sequence,
  source: "server",
  instance: "i",
  source_number: sequence,
  count: 1,
  key: null,
  ...more,
});
const reply = (event) => ({ kind: "reply", event });
const event = (found) => ({ kind: "event", event: found });

function merged(isBefore = () => null) {
  const merge = new ReplyMerge((topic) => topic.startsWith("app."), isBefore);
  merge.asked();
  return merge;
}

function replied(isBefore) {
  const merge = merged(isBefore);
  merge.replied(PLACE, "state");
  return merge;
}

test("it asks at once, and not twice", () => {
  const merge = new ReplyMerge(() => true, () => null);
  assert.equal(merge.delay(7), 0);
  merge.asked();
  assert.equal(merge.delay(7), null);
});

test("events wait for the reply; those that are in it are not handed on", () => {
  const merge = merged();
  assert.deepEqual([...merge.heard("in it", came(4)), ...merge.heard("at its place", came(5)), ...merge.heard("after it", came(6))], []);
  assert.deepEqual(merge.replied(PLACE, "state"), [reply("state"), event("after it")]);
  assert.deepEqual(merge.heard("late", came(3)), []);
  assert.deepEqual(merge.heard("next", came(7)), [event("next")]);
});

test("events of other peers come after the reply, whatever their place", () => {
  const merge = merged();
  merge.heard("theirs", came(2, { source: "other" }));
  assert.deepEqual(merge.replied(PLACE, "state"), [reply("state"), event("theirs")]);
});

test("an epoch that that of the reply has succeeded is in it", () => {
  const merge = replied((epoch, other) => epoch < other);
  assert.deepEqual(merge.heard("before", came(99, { epoch: "e0" })), []);
  assert.deepEqual(merge.heard("after", came(1, { epoch: "e2" })), [event("after")]);
  assert.equal(merge.delay(0), null);
});

test("in doubt which epoch came first, it asks again", () => {
  const merge = replied();
  assert.deepEqual(merge.heard("whichever", came(1, { epoch: "e9" })), [event("whichever")]);
  assert.equal(merge.delay(0), 0);
});

test("after a gap it asks again, and events wait for the fresh reply", () => {
  const merge = replied();
  merge.lost();
  assert.equal(merge.delay(0), 0);
  merge.asked();
  assert.deepEqual(merge.heard("held", came(9)), []);
  assert.deepEqual(merge.replied({ ...PLACE, sequence: 8 }, "fresh"), [reply("fresh"), event("held")]);
});

test("it asks again when the server has joined anew, and only then", () => {
  const merge = replied();
  const joined = (sequence, peer) => merge.heard({ peer }, came(sequence, { topic: "bus.peer_joined", source: "broker" }));
  assert.deepEqual([...joined(6, "another"), ...joined(4, "server")], []);
  assert.equal(merge.delay(0), null);
  joined(7, "server");
  assert.equal(merge.delay(0), 0);
});

test("the first failure is the end, a later one is tried again after half a second unless it is final", () => {
  assert.equal(merged().failed("restarting", 0), null);
  const merge = replied();
  merge.lost();
  merge.asked();
  merge.heard("held", came(9));
  assert.deepEqual(merge.failed("restarting", 1000), [event("held")]);
  assert.equal(merge.delay(1000), 500);
  assert.equal(merge.delay(1500), 0);
  merge.asked();
  assert.equal(merge.failed("refused", 2000), null);
});

test("what others retain is handed on again behind a fresh reply, the newest of each key", () => {
  const merge = replied();
  const other = (number, key) => came(number, { source: "other", key });
  for (const [found, run] of [
    ["older", other(6, "k")],
    ["l", other(7, "l")],
    ["newer", other(8, "k")],
    ["not retained", other(9, null)],
    ["its own", came(10, { key: "m" })],
  ])
    merge.heard(found, run);
  merge.lost();
  merge.asked();
  merge.heard("held", other(11, "l"));
  const found = merge.replied({ ...PLACE, sequence: 10 }, "fresh");
  assert.deepEqual(found, [reply("fresh"), event("l"), event("newer"), event("held")]);
});

test("it holds a bounded number of events", () => {
  const merge = merged();
  for (let i = 0; i < 16_384; i++) merge.heard(i, came(i + 6));
  assert.ok(merge.isFull);
});

test("in 3,000 random stories what is shown in the end is what there is", () => {
  let replies = 0;
  for (let seed = 1; seed <= 3000; seed++) {
    const world = new MergeWorld(randomOf(seed));
    world.run(40);
    assert.deepEqual(world.shown, { server: world.server.state, other: world.other.state }, `seed ${seed}`);
    replies += world.replies;
  }
  assert.ok(replies > 4000, `only ${replies} replies`);
});
