// Every event once and in order, whatever the feed loses, repeats or brings late.
import assert from "node:assert/strict";
import { test } from "node:test";
import { unpackEvents } from "../../../clients/js/decoder.js";
import { Ordering } from "../../../clients/js/ordering.js";
import { pick, randomOf } from "./support/random_values.mjs";
import { TOPIC, run } from "./support/runs.mjs";

const told = (steps) =>
  steps.flatMap(({ hear, lost, count, reason }) => {
    if (hear) return unpackEvents(hear.body, hear.count, hear.skip).map(({ n }) => n);
    return lost ? [`${reason} ${count}`] : [];
  });
const fetches = (steps) => steps.filter(({ fetch }) => fetch).map(({ first, last }) => [first, last]);
const step = (first, last, topic = TOPIC) => ({ fetch: topic, first, last });
const answer = (next, runs = [], lost = 0) => ({ lost, next, runs });

function joined({ head = 0, epoch = "e1", pattern = "app.*" } = {}) {
  const ordering = new Ordering([pattern]);
  ordering.join(epoch, head, head ? [[TOPIC, head]] : [], []);
  return ordering;
}

test("what comes before the snapshot is handed on behind it", () => {
  const ordering = new Ordering(["app.*"]);
  assert.deepEqual([...ordering.receive(run(2)), ...ordering.receive(run(3))], []);
  const steps = ordering.join("e1", 2, [[TOPIC, 2]], [run(1, { key: "a" })]);
  assert.deepEqual(told(steps), [1, 3]);
  assert.deepEqual(steps.map(({ retained }) => retained), [true, false]);
});

test("retained events of later pages that the feed brings as well are skipped", () => {
  const ordering = new Ordering(["app.*"]);
  const steps = ordering.join("e1", 5, [[TOPIC, 5]], [run(4, { key: "a" }), run(6, { key: "b" })]);
  assert.deepEqual(told(steps), [4]);
  assert.deepEqual(told(ordering.receive(run(6, { key: "b" }))), [6]);
});

test("of a retained run the last event counts", () => {
  assert.deepEqual(told(new Ordering([TOPIC]).join("e1", 3, [[TOPIC, 3]], [run(1, { count: 3 })])), [3]);
});

test("a topic that only begins like the wanted one is not heard", () => {
  assert.deepEqual(joined({ pattern: TOPIC }).receive(run(1, { topic: `${TOPIC}_else` })), []);
});

test("a hole is fetched once, and then all comes in order", () => {
  const ordering = joined();
  assert.deepEqual(fetches(ordering.receive(run(3))), [[1, 2]]);
  assert.deepEqual(ordering.receive(run(4)), []);
  assert.deepEqual(told(ordering.replayed("e1", step(1, 2), answer(3, [run(1, { count: 2 })]))), [1, 2, 3, 4]);
});

test("an answer that stops half way is asked on", () => {
  const ordering = joined();
  ordering.receive(run(9));
  const steps = ordering.replayed("e1", step(1, 8), answer(5, [run(1, { count: 4 })]));
  assert.deepEqual(told(steps), [1, 2, 3, 4]);
  assert.deepEqual(fetches(steps), [[5, 8]]);
});

test("an answer without progress is not asked on, before the next heartbeat", () => {
  const ordering = joined({ head: 99 });
  assert.deepEqual(fetches(ordering.heartbeat("e1", [[TOPIC, 200]])), [[100, 200]]);
  assert.deepEqual(ordering.replayed("e1", step(100, 200), answer(100)), []);
  assert.deepEqual(ordering.receive(run(300)), []);
  assert.deepEqual(fetches(ordering.heartbeat("e1", [[TOPIC, 300]])), [[100, 300]]);
});

test("numbers below the first one of a topic are skipped without a loss", () => {
  const ordering = joined();
  ordering.receive(run(501));
  assert.deepEqual(told(ordering.replayed("e1", step(1, 500), answer(501))), [501]);
});

test("overlapping runs are cut", () => {
  const ordering = joined({ head: 2 });
  assert.deepEqual(told(ordering.receive(run(1, { count: 4 }))), [3, 4]);
  assert.deepEqual(told(ordering.receive(run(2, { count: 3 }))), []);
});

test("what is beyond the ring is told, and the rest follows", () => {
  const ordering = joined();
  ordering.receive(run(8));
  assert.deepEqual(told(ordering.replayed("e1", step(1, 7), answer(8, [run(6, { count: 2 })], 5))), ["ring_exceeded 5", 6, 7, 8]);
});

test("a loss is counted from the number that was asked for, not from the one that is due by now", () => {
  const ordering = joined();
  ordering.heartbeat("e1", [[TOPIC, 9]]);
  ordering.receive(run(1, { count: 3 })); // the feed was only late
  assert.deepEqual(told(ordering.replayed("e1", step(1, 9), answer(10, [run(6, { count: 4 })], 5))), ["ring_exceeded 2", 6, 7, 8, 9]);
});

test("an answer to what was asked in another epoch is ignored", () => {
  const ordering = joined();
  ordering.receive(run(3));
  assert.deepEqual(ordering.replayed("e0", step(1, 2), answer(3, [run(1, { epoch: "e0", count: 2 })])), []);
});

test("feed messages in an answer that could not be read are told as such", () => {
  const ordering = joined();
  ordering.receive(run(5));
  const steps = ordering.replayed("e1", step(1, 4), { ...answer(5, [run(1), run(4)]), unreadable: 1 });
  assert.deepEqual(told(steps), [1, "unreadable 2", 4, 5]);
});

test("retained events that were lost are recalled once", () => {
  const ordering = joined();
  ordering.receive(run(5, { key: "b" }));
  ordering.replayed("e1", step(1, 4), answer(5, [], 4));
  const newest = [run(3, { key: "a" }), run(5, { key: "b" })];
  assert.deepEqual(told(ordering.recalled(TOPIC, "e1", newest)), [3]);
  assert.deepEqual(told(ordering.recalled(TOPIC, "e1", newest)), []);
});

test("retained events that were lost before the broker restarted are recalled from the new one", () => {
  const ordering = joined();
  ordering.receive(run(5, { key: "b" }));
  ordering.replayed("e1", step(1, 4), answer(5, [], 4));
  const again = [run(1, { epoch: "e2", sourceNumber: 3, key: "a" }), run(2, { epoch: "e2", sourceNumber: 6, key: "c" })];
  assert.deepEqual(told(ordering.receive(again[0])), []); // it looks like one that was heard
  assert.deepEqual(told(ordering.recalled(TOPIC, "e1", again)), [3]);
  assert.deepEqual(told(ordering.receive(again[1])), [6]);
});

test("a lost tail shows in the heartbeat", () => {
  const ordering = joined({ head: 1 });
  assert.deepEqual(fetches(ordering.heartbeat("e1", [[TOPIC, 3], ["other.topic", 9]])), [[2, 3]]);
  assert.deepEqual(ordering.heartbeat("e1", [[TOPIC, 4]]), []);
});

test("a replay without an answer is asked for again after five heartbeats", () => {
  const ordering = joined({ head: 1 });
  const asked = Array.from({ length: 6 }, () => fetches(ordering.heartbeat("e1", [[TOPIC, 3]])).length);
  assert.deepEqual(asked, [1, 0, 0, 0, 0, 1]);
});

test("a replay that failed is asked for again with the next heartbeat, and not before", () => {
  const ordering = joined({ head: 1 });
  ordering.heartbeat("e1", [[TOPIC, 3]]);
  ordering.forget(step(2, 3));
  assert.deepEqual(ordering.receive(run(9)), []);
  assert.deepEqual(fetches(ordering.heartbeat("e1", [[TOPIC, 9]])), [[2, 9]]);
});

test("after a new epoch duplicates are skipped, and new events are not", () => {
  const ordering = joined();
  ordering.receive(run(1, { count: 3 }));
  assert.deepEqual(told(ordering.receive(run(1, { count: 4, epoch: "e2" }))), [4]);
});

test("within an epoch the numbers of the broker tell everything", () => {
  const ordering = joined();
  ordering.receive(run(1, { sourceNumber: 9 }));
  assert.deepEqual(told(ordering.receive(run(2, { sourceNumber: 5 }))), [5]);
});

test("messages and answers of an epoch that is over are ignored", () => {
  const ordering = joined();
  ordering.receive(run(1));
  ordering.receive(run(1, { epoch: "e2", sourceNumber: 2 }));
  assert.deepEqual(ordering.receive(run(2)), []);
  assert.deepEqual(ordering.heartbeat("e1", [[TOPIC, 9]]), []);
  assert.deepEqual(ordering.replayed("e1", step(1, 3), answer(4, [run(2)], 3)), []);
  assert.ok(ordering.isOver("e1"));
});

test("events that went with the former broker are told once", () => {
  const ordering = joined();
  ordering.receive(run(1, { count: 3 }));
  assert.deepEqual(told(ordering.receive(run(1, { epoch: "e2", sourceNumber: 6 }))), ["broker_restarted 2", 6]);
  assert.deepEqual(told(ordering.receive(run(2, { epoch: "e2", sourceNumber: 8 }))), [8]);
});

test("retained events skip numbers without a loss", () => {
  const ordering = joined();
  ordering.receive(run(1, { key: "a" }));
  assert.deepEqual(told(ordering.receive(run(1, { epoch: "e2", sourceNumber: 6, key: "a" }))), [6]);
});

test("what it holds is bounded in bytes: early messages and those behind a hole, of all topics together", () => {
  const large = (number, topic) => ({ ...run(number, { topic }), body: Buffer.alloc(16 * 1024 * 1024) });
  const early = new Ordering(["app.*"]);
  for (let i = 1; i <= 10; i++) early.receive(large(i));
  const steps = early.join("e1", 0, [], []);
  assert.deepEqual([steps.filter(({ hear }) => hear), fetches(steps)], [[], [[1, 6]]]);
  const ordering = joined();
  for (const topic of ["app.a", "app.b", "app.c"]) for (let i = 2; i <= 4; i++) ordering.receive(large(i, topic));
  assert.deepEqual([...ordering.held].map(([topic, held]) => [topic, held.length]), [["app.a", 3], ["app.b", 1]]);
  ordering.replayed("e1", step(1, 1, "app.a"), answer(2, [run(1, { topic: "app.a" })]));
  ordering.receive(large(5, "app.c"));
  assert.deepEqual([...ordering.held].map(([topic, held]) => [topic, held.length]), [["app.b", 1], ["app.c", 1]]);
});

test("what it keeps of strangers does not grow without end", () => {
  const ordering = joined();
  for (let i = 1; i <= 20_000; i++) ordering.receive(run(i, { instance: `i${i}`, sourceNumber: 1 }));
  assert.ok(ordering.compared.size <= 8192);
});

test("every event is heard once and in order, whatever the feed loses", () => {
  for (let seed = 1; seed <= 500; seed++) {
    const { heard, published } = storyOf(randomOf(seed));
    assert.deepEqual(heard, Array.from({ length: published }, (_, i) => i + 1), `seed ${seed}`);
  }
});

/** A publisher, brokers that restart, a feed that loses, a broker that answers a page at a time. */
function storyOf(random) {
  const ordering = joined();
  const heard = [];
  let published = 0;
  for (let epoch = 1; epoch <= 1 + Math.trunc(random() * 3); epoch++) {
    const ring = [];
    let sourceNumber = published - Math.trunc(random() * (published + 1)) + 1; // the new broker gets the end of what there is again
    const carryOut = (steps) => {
      heard.push(...told(steps));
      for (const { fetch, first, last } of steps.filter((found) => found.fetch)) {
        const page = ring.filter((each) => each.number <= last && each.number + each.count > first).slice(0, 1 + Math.trunc(random() * 3));
        const end = page.length ? page.at(-1).number + page.at(-1).count : first;
        carryOut(ordering.replayed(`e${epoch}`, { fetch, first, last }, answer(end, page)));
      }
    };
    for (let left = Math.trunc(random() * 8); left > 0; left--) {
      const count = pick(random, [1, 2, 3, 4]);
      const number = ring.length ? ring.at(-1).number + ring.at(-1).count : 1;
      ring.push(run(number, { count, epoch: `e${epoch}`, sourceNumber }));
      sourceNumber += count;
      if (random() < 0.5) carryOut(ordering.receive(ring.at(-1)));
    }
    const head = ring.length ? ring.at(-1).number + ring.at(-1).count - 1 : 0;
    carryOut(ordering.heartbeat(`e${epoch}`, head ? [[TOPIC, head]] : []));
    if (sourceNumber - 1 < published) break; // the publisher died with what it had
    published = sourceNumber - 1;
  }
  return { heard, published };
}
