// A protocol without sockets: what it says is read back, and what it hears is written here.
import { unpack } from "../../../../clients/js/decoder.js";
import { pack } from "../../../../clients/js/encoder.js";
import { Protocol } from "../../../../clients/js/protocol.js";
import { Subscription } from "../../../../clients/js/subscription.js";
import { framesOf } from "./runs.mjs";

export class Lane {
  sent = [];
  asked = [];
  refusals = [];
  stops = [];
  faults = [];
  now = 0;

  constructor({ name = "me", credential = "token" } = {}) {
    this.protocol = new Protocol(name, credential, {
      send: (frames) => this.sent.push(frames),
      now: () => this.now,
      welcomed: () => {},
      refused: (error) => this.refusals.push(error),
      stopped: (error) => this.stops.push(error),
      asked: (request) => this.asked.push(request),
      fault: (error) => this.faults.push(error),
    });
  }

  /** The headers of what was said with this verb since the last time that somebody looked. */
  said(verb) {
    const found = this.sent.filter((frames) => frames[0] === verb);
    this.sent = this.sent.filter((frames) => frames[0] !== verb);
    return found.map((frames) => unpack(frames[1]));
  }

  hear(verb, header, ...body) {
    this.protocol.lane([Buffer.from(verb), pack(header), ...body]);
  }

  welcome({ epoch = "e1", accepted = 0 } = {}) {
    this.protocol.connected();
    this.hear("WELCOME", [2, epoch, accepted, 0, "public", "guest"]);
    return this;
  }

  feed(run) {
    this.protocol.feed(framesOf(run));
  }

  heartbeat(heads, epoch = "e1") {
    this.protocol.feed([Buffer.from("!heartbeat"), pack([epoch, 0]), pack(heads)]);
  }

  publish(topic, { key = null, correlation = null, body = pack([{ type: topic }]) } = {}) {
    return new Promise((resolve, reject) => this.protocol.publish({ topic, key, correlation, body }, resolve, reject));
  }

  /** Ask; resolves with the header and body of the reply. */
  request(topic = "app.ask") {
    const question = { topic, body: pack({ type: topic }), correlation: null, timeoutMilliseconds: 5000 };
    let settle;
    const outcome = new Promise((resolve, reject) => (settle = (header, body, error) => (error ? reject(error) : resolve({ header, body }))));
    const id = this.protocol.request(question, settle);
    return { id, outcome };
  }

  /** Subscribe, and answer the snapshot at once, unless the test does. */
  subscribe(patterns, { heads = {}, epoch = "e1", sequence = 0, runs = [], isAnswered = true } = {}) {
    const subscription = new Subscription(patterns, {
      handedOn: (run) => this.protocol.handedOn(subscription, run),
      hasRoom: () => this.protocol.askHeads(),
      unreadable: (count) => (this.protocol.counts.unreadable += count),
    });
    this.protocol.subscribe(subscription, () => {}, () => {});
    if (isAnswered) this.answerSnapshots({ heads, epoch, sequence, runs });
    return subscription;
  }

  answerSnapshots({ heads = {}, epoch = "e1", sequence = 0, runs = [] } = {}) {
    for (const [id] of this.said("SNAPSHOT")) this.hear("SNAPSHOT", [id, epoch, sequence, heads, 0], ...runs.flatMap(framesOf));
  }
}

/** Events that are queued in a subscription. */
export async function queued(subscription) {
  subscription._finish();
  const found = [];
  for (let event = await subscription.next(); event; event = await subscription.next()) found.push(event);
  return found;
}
