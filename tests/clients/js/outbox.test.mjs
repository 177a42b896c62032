// What was published and may be lost is kept, and goes to a new broker in a form that it takes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { unpack } from "../../../clients/js/decoder.js";
import { PublishRefused } from "../../../clients/js/errors.js";
import { Outbox } from "../../../clients/js/outbox.js";
import { randomOf, pick } from "./support/random_values.mjs";

const BODY = Buffer.from([0x91, 0x80]);

/** An outbox, and what became of its messages. */
class Publisher {
  outbox = new Outbox();
  outcomes = [];

  publish(topic, key = null, correlation = null) {
    return readPublish(this.outbox.offer({ topic, key, correlation, body: BODY }, ...this.#settle(topic)));
  }

  withdraw(topic, key) {
    return readPublish(this.outbox.withdraw({ topic, key }, ...this.#settle(topic)));
  }

  again() {
    return this.outbox.unaccepted().map(readPublish);
  }

  #settle(topic) {
    return [() => this.outcomes.push(topic), (error) => this.outcomes.push(error)];
  }
}

function readPublish([verb, header, body]) {
  assert.equal(verb, "PUBLISH");
  const [serial, topic, count, first, key, correlation, again] = unpack(header);
  return { serial, topic, count, first, key, correlation, again, body };
}

test("messages and events of each topic are counted", () => {
  const publisher = new Publisher();
  const found = ["app.a", "app.b", "app.a"].map((topic) => publisher.publish(topic));
  assert.deepEqual(found.map(({ serial }) => serial - found[0].serial), [0, 1, 2]);
  assert.deepEqual(found.map(({ first }) => first), [1, 1, 2]);
  assert.ok(found.every(({ again }) => again === false));
});

test("a serial can be left to no message, so that there is one before all that is published", () => {
  const [publisher, later] = [new Publisher(), new Publisher()];
  publisher.outbox.reserve();
  assert.equal(publisher.outbox.serial, 1);
  assert.deepEqual([publisher.publish("app.a"), publisher.publish("app.a")].map(({ serial, again }) => [serial, again]), [[2, false], [3, false]]);
  later.publish("app.a");
  later.outbox.reserve();
  assert.equal(later.publish("app.a").serial, 2);
});

test("a message waits until it is accepted", () => {
  const publisher = new Publisher();
  const { serial } = publisher.publish("app.a");
  publisher.publish("app.b");
  publisher.outbox.accepted(serial, 0);
  assert.deepEqual(publisher.outcomes, ["app.a"]);
  assert.deepEqual(publisher.again().map(({ topic }) => topic), ["app.b"]);
});

test("within an epoch the same frames are sent again", () => {
  const publisher = new Publisher();
  const sent = publisher.publish("app.a");
  assert.deepEqual(publisher.again(), [sent]);
});

test("a refused message is not sent again", () => {
  const publisher = new Publisher();
  publisher.outbox.refused(publisher.publish("app.a").serial, "not_yours", "it is another's");
  assert.ok(publisher.outcomes[0] instanceof PublishRefused);
  assert.equal(publisher.outcomes[0].reason, "not_yours");
  publisher.outbox.startOver(0);
  assert.deepEqual(publisher.again(), []);
});

test("to a new broker go what is retained, what was accepted within ten seconds, and what was not accepted, all marked", () => {
  const publisher = new Publisher();
  publisher.publish("app.state", "a");
  publisher.publish("app.old");
  publisher.outbox.accepted(publisher.publish("app.state", "a").serial, 0);
  publisher.outbox.accepted(publisher.publish("app.recent").serial, 15_000);
  publisher.publish("app.waiting");
  publisher.outbox.startOver(20_000);
  assert.deepEqual(
    publisher.again().map(({ topic, first, again }) => [topic, first, again]),
    [
      ["app.state", 2, true],
      ["app.recent", 1, true],
      ["app.waiting", 1, true],
    ],
  );
});

test("what follows a hole in the serials is marked, and what follows that is not", () => {
  const publisher = new Publisher();
  publisher.publish("app.state", "a");
  publisher.outbox.accepted(publisher.publish("app.old").serial, 0);
  publisher.outbox.startOver(60_000);
  assert.deepEqual(publisher.again().map(({ topic }) => topic), ["app.state"]);
  assert.equal(publisher.publish("app.new").again, true);
  assert.equal(publisher.publish("app.new").again, false);
});

test("what follows a hole in the numbers of its topic is marked", () => {
  const publisher = new Publisher();
  for (const key of ["a", "b", "a"]) publisher.publish("app.state", key);
  publisher.outbox.accepted(publisher.withdraw("app.state", "a").serial, 0);
  publisher.outbox.startOver(60_000); // number 3 is withdrawn
  assert.deepEqual(publisher.again().map(({ first }) => first), [2]);
  assert.equal(publisher.publish("app.other").again, true);
  assert.equal(publisher.publish("app.state", "b").again, true);
  assert.equal(publisher.publish("app.state", "b").again, false);
});

test("a withdrawal takes a serial and no number, and ends what is retained", () => {
  const publisher = new Publisher();
  publisher.publish("app.state", "a");
  const withdrawal = publisher.withdraw("app.state", "a");
  assert.deepEqual([withdrawal.count, withdrawal.first, withdrawal.key, [...withdrawal.body]], [0, 2, "a", [0x90]]);
  const next = publisher.publish("app.state", "b");
  assert.deepEqual([next.first, next.again], [2, false]);
  publisher.outbox.accepted(withdrawal.serial, 0);
  publisher.outbox.startOver(60_000);
  assert.deepEqual(publisher.again().map(({ key }) => key), ["b"]);
});

test("a withdrawal that the former broker may have lost is sent again behind what it withdraws", () => {
  const publisher = new Publisher();
  publisher.outbox.accepted(publisher.publish("app.state", "a").serial, 0);
  publisher.withdraw("app.state", "a");
  publisher.outbox.startOver(60_000);
  assert.deepEqual(publisher.again().map(({ count }) => count), [1, 0]);
});

test("those who wait are told when it is abandoned", () => {
  const publisher = new Publisher();
  publisher.publish("app.a");
  publisher.outbox.abandon((topic) => new PublishRefused(topic, "left", "gone"));
  assert.equal(publisher.outcomes[0].reason, "left");
  assert.deepEqual(publisher.again(), []);
});

test("a strict broker takes everything, whatever is lost, refused, withdrawn and sent again", () => {
  for (let seed = 1; seed <= 300; seed++) tell(randomOf(seed), `seed ${seed}`);
});

/** Publish by chance to a broker that checks serials and numbers as the page says. */
function tell(random, where) {
  const publisher = new Publisher();
  let [broker, now] = [new StrictBroker(), 0];
  const lane = [];
  for (let i = 0; i < 60; i++) {
    now += pick(random, [1, 100, 9000]);
    const topic = pick(random, ["app.a", "app.b"]);
    const choice = random();
    if (choice < 0.5) lane.push(publisher.publish(topic, pick(random, [null, "k", "l"])));
    else if (choice < 0.6) lane.push(publisher.withdraw(topic, "k"));
    else if (choice < 0.8) {
      for (const message of lane.splice(0, 1 + Math.trunc(random() * 5))) broker.take(message, where);
      publisher.outbox.accepted(broker.accepted, now);
    } else if (choice < 0.9) {
      lane.length = 0; // the connection was lost
      lane.push(...publisher.again());
    } else {
      broker = new StrictBroker();
      publisher.outbox.startOver(now);
      lane.length = 0;
      lane.push(...publisher.again());
    }
  }
}

class StrictBroker {
  accepted = 0;
  #firsts = new Map();

  take({ serial, topic, count, first, again }, where) {
    if (serial <= this.accepted) return; // a duplicate
    assert.ok(again || !this.accepted || serial === this.accepted + 1, `${where}: serial ${serial} after ${this.accepted}`);
    const known = this.#firsts.get(topic);
    if (count) {
      assert.ok(known === undefined || (again ? first > known : first === known + 1), `${where}: number ${first} of ${topic} after ${known}`);
      this.#firsts.set(topic, first);
    }
    this.accepted = serial;
  }
}
