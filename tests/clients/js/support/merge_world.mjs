// A broker, a server, another publisher and a client that asks and follows, whose messages overtake each other by chance.
import { JOINED_TOPIC, ReplyMerge } from "../../../../clients/js/reply_merge.js";
import { pick } from "./random_values.mjs";

const KEYS = ["a", "b", "c"];
const SERVER = "server";
const OTHER = "other";

/** One peer that publishes its state, key by key. */
class Publisher {
  state = {};
  life = 1;
  serial = 0;

  constructor(name, isRetained) {
    Object.assign(this, { name, isRetained });
  }

  get instance() {
    return `${this.name}-${this.life}`;
  }
}

export class MergeWorld {
  #random;
  #now = 0;
  #epoch = 1;
  #sequence = 0;
  #feed = []; // on their way to the client
  #lane = []; // answers on their way to the client
  #retained = new Map();
  #welcomed = [1];
  #feedEpoch = 1;
  #heard = new Map(); // instance -> highest number that the feed has handed on
  #value = 0;
  #published = []; // of this epoch, to be published again in the next one
  server = new Publisher(SERVER, false);
  other = new Publisher(OTHER, true);
  shown = { server: {}, other: {} };
  replies = 0;

  constructor(random) {
    this.#random = random;
    this.merge = new ReplyMerge((topic) => topic.startsWith("app."), (epoch, other) => this.#isBefore(epoch, other));
  }

  /** Things happen by chance; then everything that is under way arrives. */
  run(steps) {
    for (const publisher of [this.server, this.other]) if (this.#random() < 0.7) this.#change(publisher);
    for (const run of this.#retained.values()) this.#feed.push({ ...run }); // the snapshot of the subscription
    for (let i = 0; i < steps; i++) pick(this.#random, this.#possible())();
    for (let i = 0; this.#feed.length || this.#lane.length || this.merge.delay(this.#now) !== null; i++) {
      if (i > 10_000) throw new Error("it never comes to rest");
      this.#now += 500;
      pick(this.#random, [() => this.#arrive(), () => this.#answer(), () => this.#ask()])();
    }
  }

  #possible() {
    const often = [() => this.#arrive(), () => this.#answer(), () => this.#ask(), () => this.#change(this.server)];
    const seldom = [() => this.#change(this.other), () => this.#restartServer(), () => this.#restartBroker(), () => this.#lose()];
    return [...often, ...often, ...often, ...seldom, () => (this.#now += 300)];
  }

  // -- peers and broker --------------------------------------------------------------------------------------------------

  #change(publisher) {
    const key = pick(this.#random, KEYS);
    publisher.state[key] = ++this.#value;
    this.#publish(publisher, { type: `app.${publisher.name}`, key, value: this.#value });
  }

  #publish(publisher, event) {
    publisher.serial += 1;
    this.#order(publisher.name, publisher.instance, event, publisher.serial, publisher.isRetained ? event.key : null);
  }

  #order(source, instance, event, number, key) {
    const header = { topic: event.type, source, instance, source_number: number, count: 1, key };
    const run = { event, run: { ...header, epoch: this.#epoch, sequence: ++this.#sequence } };
    this.#feed.push(run);
    this.#published.push(run);
    if (key === null) return;
    this.#retained.delete(key); // what is retained is sorted by its place
    this.#retained.set(key, run);
  }

  /** A new life of the server: it forgets something, and tells nobody. */
  #restartServer() {
    this.server.life += 1;
    this.server.serial = 0;
    delete this.server.state[pick(this.#random, KEYS)];
    this.#failAnswers();
    this.#join();
  }

  #join() {
    this.#order("broker", `broker-${this.#epoch}`, { type: JOINED_TOPIC, peer: SERVER }, this.#sequence + 1, null);
  }

  /** Publishers send again what may be lost; the server joins the new broker. What the feed had under way may be lost. */
  #restartBroker() {
    const again = this.#published.filter(({ run }) => run.source !== "broker");
    const cut = this.#feed.splice(Math.trunc(this.#random() * (this.#feed.length + 1)));
    this.#failAnswers();
    this.#epoch += 1;
    [this.#sequence, this.#published, this.#retained] = [0, [], new Map()];
    const join = Math.trunc(this.#random() * (again.length + 1));
    for (const [i, { event, run }] of again.entries()) {
      if (i === join) this.#join();
      this.#order(run.source, run.instance, event, run.source_number, run.key);
    }
    if (join === again.length) this.#join();
    for (const { run } of cut.filter(({ isRecalled }) => isRecalled)) this.#feed.push({ ...this.#retained.get(run.key), isRecalled: true });
    this.#lane.push({ welcome: this.#epoch });
  }

  /** The feed loses events for good; what of them is retained is recalled. */
  #lose() {
    const count = 1 + Math.trunc(this.#random() * 3);
    const at = Math.trunc(this.#random() * this.#feed.length);
    const lost = this.#feed.splice(at, count);
    if (!lost.length) return;
    this.#feed.splice(at, 0, { gap: true });
    for (const { run } of lost.filter((each) => each.run)) {
      const newest = this.#retained.get(run.key);
      if (newest?.run.source_number !== run.source_number || newest.run.instance !== run.instance) continue;
      const isOfNow = newest.run.epoch === run.epoch;
      this.#feed.splice(isOfNow ? at + 1 : this.#feed.length, 0, { ...newest, isRecalled: true });
    }
  }

  // -- the request -------------------------------------------------------------------------------------------------------

  #ask() {
    if (this.merge.delay(this.#now) !== 0) return;
    this.merge.asked();
    this.#lane.push(this.#handed());
  }

  /** The broker hands the request to the server, which may take its time: what it answers is its state of some later moment. */
  #handed() {
    const isSlow = this.#random() < 0.5;
    return { isSlow, life: this.server.life, epoch: this.#epoch, asOf: this.#sequence, arrival: this.server.serial, made: null };
  }

  #failAnswers() {
    this.#lane = this.#lane.map((each) => (each.welcome || each.stamped ? each : { failed: true }));
  }

  /** One step of what is first on the lane: the answer is made, stamped by the broker, and arrives. */
  #answer() {
    const first = this.#lane[0];
    if (!first) return;
    if (first.welcome) this.#welcomed.push(this.#lane.shift().welcome);
    else if (first.failed) this.#failed(this.#lane.shift());
    else if (!first.made) {
      first.made = { state: { ...this.server.state }, serial: first.isSlow ? first.arrival : this.server.serial };
      if (!first.isSlow) this.#stamp(first); // the lane of a server keeps the order of what it says
    } else if (!first.stamped) this.#stamp(first);
    else this.#reply(this.#lane.shift());
  }

  #failed() {
    this.#show(this.merge.failed("died", this.#now) ?? this.#askAnew());
  }

  #stamp(answer) {
    const isNewest = answer.made.serial === this.server.serial;
    answer.stamped = { epoch: answer.epoch, sequence: isNewest ? this.#sequence : answer.asOf, source: SERVER };
  }

  #reply({ stamped, made }) {
    this.replies += 1;
    this.#show(this.merge.replied(stamped, made.state));
  }

  /** The first request failed: its user asks anew. */
  #askAnew() {
    this.merge = new ReplyMerge((topic) => topic.startsWith("app."), (epoch, other) => this.#isBefore(epoch, other));
    this.#feed = [...[...this.#retained.values()], ...this.#feed.filter(({ run }) => run?.key === null)];
    this.#heard.clear();
    return [];
  }

  // -- the client --------------------------------------------------------------------------------------------------------

  #arrive() {
    const came = this.#feed.shift();
    if (!came) return;
    if (came.gap) return this.merge.lost();
    const { event, run, isRecalled } = came;
    this.#feedEpoch = run.epoch;
    const number = this.#heard.get(run.instance) ?? 0;
    if (run.source !== "broker" && run.source_number <= number && !isRecalled) return; // a duplicate
    this.#heard.set(run.instance, Math.max(number, run.source_number));
    this.#show(this.merge.heard(event, run));
  }

  #show(followed) {
    for (const { kind, event } of followed) {
      if (kind === "reply") this.shown = { server: { ...event }, other: {} };
      else this.shown[event.type.slice(4)][event.key] = event.value;
    }
  }

  /** What a client knows of epochs: those that its lane has seen, and those that its feed has left. */
  #isBefore(epoch, other) {
    const isKnown = (each) => this.#welcomed.includes(each) || each <= this.#feedEpoch;
    return isKnown(epoch) && isKnown(other) ? epoch < other : null;
  }
}
