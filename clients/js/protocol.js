// Decides what a client says to the broker, and when it says it again. Pure: frames in, frames out. No frame makes it throw.
import { randomBytes } from "node:crypto";
import { Unreadable } from "./decoder.js";
import { pack } from "./encoder.js";
import { HelloRefused, PublishRefused, RequestFailed } from "./errors.js";
import { HeardReport } from "./heard_report.js";
import { BEHIND_LIMIT_EVENTS, PATTERN_LIMIT, PROTOCOL_VERSION } from "./limits.js";
import { Outbox } from "./outbox.js";
import { Services } from "./services.js";
import { knownKind, readHeader, readHeartbeat, readId, readRun, readRuns, readText, splitReason } from "./wire.js";

export const LEFT = "this client left the bus";
const LOST = "the connection to the broker was lost; the request may have been carried out";
const FINAL_REFUSALS = new Set(["displaced", "reserved_name", "wrong_version", "invalid_name", "malformed"]);

/** One life of a client. */
export class Protocol {
  epoch = "";
  epochs = []; // of the brokers that admitted it, in order
  isWelcome = false;
  instance = ""; // as everybody sees it
  role = "guest";
  behind = 0;
  refusal = null; // why it can never come back
  counts = { unreadable: 0, ignored: 0, faults: 0 };
  subscriptions = new Set();
  #secret = randomBytes(16).toString("hex"); // the instance that only the broker knows
  #outbox = new Outbox();
  #heard = new HeardReport();
  #lastId = 0;
  #questions = new Map(); // id -> {frames, settle, topic, isSent}
  #services = new Services((topic) => this.#say("SERVE", [[topic]]));
  #inHand = new Map(); // id -> request that is not answered yet; a new broker uses the same ids again
  #later = []; // reads that the broker was too busy for
  #waiting = []; // {serial, resolve, reject} of publishers that wait for subscribers
  #told = 0; // the serial up to which ACCEPTED told how far subscribers are behind
  #isRefused = false;

  /** `hooks`: send(frames), now(), welcomed(), refused(error), stopped(error), asked(request), fault(error). */
  constructor(name, credential, hooks) {
    Object.assign(this, { name, credential, hooks });
  }

  // -- what the user wants -----------------------------------------------------------------------------------------------

  /** Publish a run of one event, or withdraw what is retained under its key if it has no body. Returns its serial. */
  publish(run, resolve, reject) {
    const frames = run.body ? this.#outbox.offer(run, resolve, reject) : this.#outbox.withdraw(run, resolve, reject);
    if (this.isWelcome) this.hooks.send(frames);
    return this.#outbox.serial;
  }

  /** Resolves once the slowest subscriber is near: with ACCEPTED of this serial, or of a later one. */
  room(serial) {
    if (serial <= this.#told && this.behind <= BEHIND_LIMIT_EVENTS) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiting.push({ serial, resolve, reject }));
  }

  /** Ask for a PONG: it confirms what is accepted, without the delay that ACCEPTED has. */
  hurry() {
    if (this.isWelcome) this.#say("PING", [0]);
  }

  /** Send a request. `settle` gets the header and body of its reply, or the error. Returns the id of the question. */
  request({ topic, body, correlation, timeoutMilliseconds }, settle) {
    const header = [topic, timeoutMilliseconds, correlation];
    return this.#ask("REQUEST", topic, header, (header, frames, error) => settle(header, frames[2], error), body);
  }

  /** Nobody waits for this answer any more. */
  giveUp(id, kind, detail) {
    if (this.#questions.get(id)?.isSent) this.#say("CANCEL", [id]);
    this.#fail(id, kind, detail);
  }

  serve(topic, resolve, reject) {
    this.#outbox.reserve(); // for answers that hold as of a moment at which nothing was published
    this.#services.add(topic, resolve, reject);
    if (this.isWelcome) this.#services.ask(topic);
  }

  /** The serial of the message that was published last: as of it holds an answer that is made now. */
  get serial() {
    return this.#outbox.serial;
  }

  /** Answer a request, unless it was cancelled. `serial`: what was published last when the answer was made. */
  reply(request, body, serial) {
    if (this.#finish(request)) this.#say("REPLY", [request.id, serial], body);
  }

  fail(request, kind, message) {
    if (this.#finish(request)) this.#say("FAILED", [request.id, kind, message.slice(0, 1024).toWellFormed()]);
  }

  #finish(request) {
    return this.#inHand.get(request.id) === request && this.#inHand.delete(request.id);
  }

  /** Hear the events of a subscription, whose patterns the feed has already. */
  subscribe(subscription, resolve, reject) {
    this.subscriptions.add(subscription);
    this.#snapshot(subscription.patterns, (found, error) => {
      if (!this.subscriptions.has(subscription)) return resolve();
      if (error) return reject(error);
      this.#apply(subscription, subscription.ordering.join(found.epoch, found.sequence, found.heads, found.runs));
      resolve();
    });
  }

  unsubscribe(subscription) {
    this.#heard.leave(subscription);
    return this.subscriptions.delete(subscription);
  }

  /** A subscription has handed on the last event of a run. */
  handedOn(subscription, { topic, epoch, number, count }) {
    if (epoch !== this.epoch || !this.isWelcome) return;
    const reached = this.#heard.handedOn(topic, subscription, number + count - 1);
    if (reached !== null) this.#say("HEARD", [topic, reached]);
  }

  /** Say BYE, and end every wait. */
  leave(returning) {
    if (this.isWelcome) this.#say("BYE", [returning]);
    this.#end({ reason: "left", detail: LEFT });
  }

  /** What is under way may have been carried out; all else never was, and gets the refusal itself if there is one. */
  #end({ reason, detail }, refusal = null) {
    this.isWelcome = false;
    const died = (topic) => new RequestFailed("died", refusal ? `${reason}: ${detail}` : detail, topic);
    for (const [id, { answer, topic }] of [...this.#questions]) this.#settle(id, answer === "REPLY" ? died(topic) : (refusal ?? died(topic)));
    this.#outbox.abandon((topic) => new PublishRefused(topic, reason, detail));
    for (const { reject } of this.#waiting.splice(0)) reject(new PublishRefused("*", reason, detail));
    this.#services.abandon((topic) => refusal ?? died(topic));
    this.#later = [];
  }

  // -- what the sockets bring --------------------------------------------------------------------------------------------

  /** The lane has a new connection. */
  connected() {
    this.disconnected();
    if (!this.refusal) this.#say("HELLO", [PROTOCOL_VERSION, this.name, this.#secret, this.credential]);
  }

  /** The lane lost its connection. Questions on it get no answer. */
  disconnected() {
    this.isWelcome = false;
    this.#inHand.clear();
    for (const [id, { isSent }] of [...this.#questions]) if (isSent) this.#fail(id, "died", LOST);
  }

  /** A second has gone by. */
  tick() {
    if (this.#isRefused && !this.isWelcome) this.connected();
    if (!this.isWelcome) return;
    for (const ask of this.#later.splice(0)) ask();
    this.#services.retry();
  }

  lane(frames) {
    this.#guard(() => {
      const verb = readText(frames[0]);
      let header;
      try {
        header = readHeader(verb, frames[1]);
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error;
        this.counts.unreadable += 1;
        return this.#failUnread(verb, frames[1], error);
      }
      if (header === null) this.counts.ignored += 1;
      else this.#take(verb, header, frames);
    });
  }

  feed(frames) {
    this.#guard(() => {
      const topic = readText(frames[0]);
      if (topic === "!welcome") this.askHeads();
      else if (topic === "!heartbeat") this.#compare(readHeartbeat(frames));
      else {
        const run = readRun(frames);
        for (const subscription of this.#hungry()) this.#apply(subscription, subscription.ordering.receive(run));
      }
    });
  }

  /** Nothing that others send ends the process: what cannot be read is counted. */
  #guard(take) {
    try {
      take();
    } catch (error) {
      this.counts[error instanceof Unreadable ? "unreadable" : "faults"] += 1;
      if (!(error instanceof Unreadable)) this.hooks.fault(error);
    }
  }

  #take(verb, header, frames) {
    switch (verb) {
      case "WELCOME":
        return this.#welcomed(header);
      case "ACCEPTED":
        return this.#accepted(header.serial, header.behind);
      case "PONG":
        return this.#outbox.accepted(header.accepted, this.hooks.now());
      case "PING":
        return this.#say("PONG", [header.id]);
      case "REQUEST":
        return this.#asked({ ...header, body: frames[2] ?? Buffer.alloc(0), serial: this.#outbox.serial });
      case "CANCEL":
        return this.#inHand.delete(header.id);
      case "SERVE":
        return this.#services.answered(null);
      case "FAILED":
        return this.#refused(header);
      default:
        if (this.#questions.get(header.id)?.answer === verb) this.#settle(header.id, null, header, frames);
        else this.counts.ignored += 1; // nobody waits for it any more
    }
  }

  #asked(request) {
    this.#inHand.set(request.id, request);
    this.hooks.asked(request);
  }

  // -- what follows from it ----------------------------------------------------------------------------------------------

  #say(verb, header, ...body) {
    this.hooks.send([verb, pack(header), ...body]);
  }

  #ask(verb, topic, header, settle, ...body) {
    const id = ++this.#lastId;
    const answer = verb === "REQUEST" ? "REPLY" : verb;
    const question = { answer, topic, settle, isSent: this.isWelcome, frames: [verb, pack([id, ...header]), ...body] };
    this.#questions.set(id, question);
    if (question.isSent) this.hooks.send(question.frames);
    return id;
  }

  #settle(id, error, header = null, frames = []) {
    const question = this.#questions.get(id);
    this.#questions.delete(id);
    question.settle(header, frames, error);
  }

  #fail(id, kind, detail) {
    if (this.#questions.has(id)) this.#settle(id, new RequestFailed(kind, detail, this.#questions.get(id).topic));
  }

  /** The header of an answer makes no sense: whoever asked need not wait for another one. */
  #failUnread(verb, frame, error) {
    const id = readId(frame);
    if (id === null) return;
    if (verb === "REQUEST") this.#say("FAILED", [id, "invalid", `the header cannot be read: ${error.message}`]);
    else if (["REPLY", "SNAPSHOT", "REPLAY", "FAILED"].includes(verb)) this.#fail(id, "invalid", `the answer cannot be read: ${error.message}`);
  }

  #welcomed({ epoch, accepted, instance, role }) {
    if (this.refusal || (this.isWelcome && epoch === this.epoch)) return;
    if (epoch === this.epoch) this.#accepted(accepted, 0);
    else {
      if (this.epoch) this.#outbox.startOver(this.hooks.now());
      this.epochs.push(epoch);
      this.#heard.startOver();
      this.#accepted(0, 0); // nobody is behind what the new broker has
    }
    Object.assign(this, { epoch, instance, role, isWelcome: true });
    this.#isRefused = false;
    for (const frames of this.#outbox.unaccepted()) this.hooks.send(frames);
    this.#services.startOver();
    for (const question of [...this.#questions.values()]) {
      if (!question.isSent) this.hooks.send(question.frames);
      question.isSent = true;
    }
    this.askHeads();
    this.hooks.welcomed();
  }

  #accepted(serial, behind) {
    this.behind = behind;
    this.#told = Math.max(serial, this.#told);
    this.#outbox.accepted(serial, this.hooks.now());
    if (behind > BEHIND_LIMIT_EVENTS) return;
    const near = this.#waiting.filter((each) => each.serial <= this.#told);
    this.#waiting = this.#waiting.filter((each) => each.serial > this.#told);
    for (const { resolve } of near) resolve();
  }

  #refused({ id, kind, message, verb }) {
    const [reason, detail] = splitReason(message);
    if (verb === "HELLO") this.#notAdmitted(new HelloRefused(this.name, reason, detail));
    else if (reason === "unknown_peer") {
      if (verb !== "PUBLISH" && this.#questions.has(id)) this.#questions.get(id).isSent = false;
      if (this.isWelcome) this.connected(); // WELCOME sends again what matters
    } else if (verb === "PUBLISH") this.#outbox.refused(id, reason, detail);
    else if (verb === "SERVE") this.#services.answered(new RequestFailed(knownKind(kind), message, this.#services.next));
    else this.#fail(id, knownKind(kind), message);
  }

  /** A client that is displaced, or whose name is another's, does not try again. */
  #notAdmitted(error) {
    if (!FINAL_REFUSALS.has(error.reason)) {
      this.#isRefused = true;
      return this.hooks.refused(error);
    }
    this.refusal = error;
    this.#end(error, error);
    this.hooks.stopped(error);
  }

  // -- subscriptions -----------------------------------------------------------------------------------------------------

  /** Read all pages of a snapshot. */
  #snapshot(patterns, settle) {
    const found = { epoch: "", sequence: 0, heads: [], runs: [] };
    const ask = (after) => this.#ask("SNAPSHOT", "", [patterns, false, after], (header, frames, error) => take(after, header, frames, error));
    const startOver = () => this.#snapshot(patterns, settle);
    const take = (after, header, frames, error) => {
      if (error?.kind === "died" && error.detail === LOST) return startOver();
      if (error?.kind === "busy") return void this.#later.push(startOver);
      if (error) return settle(null, error);
      if (after === 0) Object.assign(found, { epoch: header.epoch, sequence: header.sequence, heads: header.heads });
      if (header.epoch !== found.epoch) return startOver();
      const { runs, unreadable } = readRuns(frames);
      this.counts.unreadable += unreadable;
      for (const run of runs) found.runs.push(run);
      if (header.next > after) ask(header.next);
      else settle(found, null);
    };
    ask(0);
  }

  #apply(subscription, steps) {
    for (const { hear, retained, lost, count, reason, ...step } of steps) {
      if (!this.subscriptions.has(subscription)) return; // its user has left
      if (hear) {
        if (!retained) this.#heard.expect(hear.topic, subscription, hear.number - 1);
        subscription._hear(hear, retained);
      } else if (lost) {
        subscription._lose(lost, count, reason);
        if (reason === "ring_exceeded") this.#recall(subscription, lost);
      } else this.#fetch(subscription, step);
    }
  }

  /** After a loss, the retained events among the lost ones show the present state. */
  #recall(subscription, topic) {
    const { ordering } = subscription;
    const { epoch } = ordering;
    this.#snapshot([topic], (found, error) => error || this.#apply(subscription, ordering.recalled(topic, epoch, found.runs)));
  }

  #fetch(subscription, step) {
    const { ordering } = subscription;
    const { epoch } = ordering;
    // Lane and feed have different brokers for a moment, or the subscriber has enough for now.
    if (!this.isWelcome || this.epoch !== epoch || subscription._isFull) return ordering.forget(step);
    this.#ask("REPLAY", step.fetch, [step.fetch, step.first, step.last], (header, frames, error) => {
      if (error) return epoch === ordering.epoch && ordering.forget(step);
      const { runs, unreadable } = readRuns(frames);
      this.counts.unreadable += unreadable;
      this.#apply(subscription, ordering.replayed(header.epoch, step, { ...header, runs, unreadable }));
    });
  }

  /** Those that take more. What the others miss is fetched once they do: it lies in the ring of the broker, and takes no memory here. */
  #hungry() {
    return [...this.subscriptions].filter((subscription) => !subscription._isFull);
  }

  /** Compare the newest number of each topic at once. Lane and feed connect in either order; or a subscription has room again. */
  askHeads() {
    if (!this.isWelcome || !this.subscriptions.size) return;
    const patterns = [...new Set([...this.subscriptions].flatMap((subscription) => subscription.patterns))];
    const asked = patterns.length > PATTERN_LIMIT ? ["*"] : patterns;
    this.#ask("SNAPSHOT", "", [asked, true, 0], (header, _, error) => error || this.#compare(header));
  }

  #compare({ epoch, heads }) {
    for (const subscription of this.#hungry()) this.#apply(subscription, subscription.ordering.heartbeat(epoch, heads));
  }
}
