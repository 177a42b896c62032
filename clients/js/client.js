// One participant of the bus: publish, request, serve, subscribe. The protocol decides, the sockets carry, this connects the two.
import { inspect, isDeepStrictEqual } from "node:util";
import { askThenFollow } from "./ask_then_follow.js";
import { misspelt } from "./contract.js";
import { currentCorrelation, noteCorrelation, withCorrelation } from "./correlation.js";
import { environmentCredential } from "./credential.js";
import { unpackEvent } from "./decoder.js";
import { Unsendable, pack, packRun } from "./encoder.js";
import { HelloRefused, NotRunning, PublishRefused, Refused, RequestFailed, UnsafePlace } from "./errors.js";
import { checkEndpoints } from "./own_places.js";
import {
  CORRELATION_LIMIT_CHARACTERS,
  EVENT_LIMIT_BYTES,
  KEY_LIMIT_CHARACTERS,
  PATTERN_LIMIT,
  TIMEOUT_LIMIT_MILLISECONDS,
  TOPIC_LIMIT_BYTES,
} from "./limits.js";
import { LEFT, Protocol } from "./protocol.js";
import { readRuntime } from "./runtime.js";
import { SocketPair } from "./sockets.js";
import { Subscription } from "./subscription.js";

const CHECK_MILLISECONDS = 1000;
const DEADLINE_GRACE_MILLISECONDS = 250;

const prefixOf = (pattern) => pattern.replace(/\*$/, "");

export class Client {
  #path;
  #runtime;
  #credential;
  #protocol;
  #sockets;
  #handlers = new Map(); // topic -> handler
  #timer;
  #isClosed = false;
  #isHurried = false;
  #hasWarned = false;

  /** Made by `connect`. `path` of the runtime file to follow; null: there is none. */
  constructor({ name, runtime, path, credential }) {
    this.name = name;
    [this.#runtime, this.#path, this.#credential] = [runtime, path, credential];
    this._letIn = new Promise((resolve, reject) => Object.assign(this, { _welcome: resolve, _deny: reject }));
    this._letIn.catch(() => {}); // nobody need be waiting
    this.#protocol = new Protocol(name, this.#presented(), {
      send: (frames) => this.#sockets.send(frames),
      now: () => performance.now(),
      welcomed: () => this._welcome(),
      refused: (error) => this._deny(error),
      stopped: (error) => this.#stop(error),
      asked: (request) => void this.#answer(request),
      fault: (error) => this.#warn(error),
    });
    this.#sockets = this.#opened(runtime);
    this.#timer = setInterval(() => this.#check(), CHECK_MILLISECONDS);
  }

  /** The life of the broker that admitted this client last. */
  get epoch() {
    return this.#protocol.epoch;
  }

  /** Id of this life of the client, as everybody sees it. */
  get instance() {
    return this.#protocol.instance;
  }

  /** `named` if it proved its name with a credential, else `guest`. */
  get role() {
    return this.#protocol.role;
  }

  get isConnected() {
    return this.#protocol.isWelcome;
  }

  /** By how many events the slowest subscriber trails behind what was published last. */
  get behind() {
    return this.#protocol.behind;
  }

  /** What was counted: `unreadable` messages and events, `ignored` messages, `faults` of this client. */
  get statistics() {
    return { ...this.#protocol.counts };
  }

  /** Publish an event, retained under `key` if there is one. Resolves once it has its place in the order. */
  publish(event, { key = null, correlation, waitForSubscribers = false } = {}) {
    return new Promise((resolve, reject) => {
      const topic = event?.type;
      const refuse = (reason, detail) => new PublishRefused(String(topic), reason, detail);
      const body = this.#checked(event, refuse, packRun);
      const message = { topic, body, key: checkedKey(key, refuse), correlation: checkedCorrelation(correlation, refuse) };
      const room = () => this.#protocol.room(serial).then(resolve, reject);
      const serial = this.#publish(message, waitForSubscribers ? room : resolve, reject);
    });
  }

  /** Withdraw the event of this topic that is retained under a key. Resolves once the broker has done it. */
  withdraw(topic, key, { correlation } = {}) {
    return new Promise((resolve, reject) => {
      const refuse = (reason, detail) => new PublishRefused(String(topic), reason, detail);
      checkTopic(topic, refuse);
      if (key === null || key === undefined) throw refuse("malformed", "expected the key under which it is retained");
      const message = { topic, body: null, key: checkedKey(key, refuse), correlation: checkedCorrelation(correlation, refuse) };
      this.#publish(message, resolve, reject);
    });
  }

  /** Send a request. Resolves with its reply, or rejects with RequestFailed. */
  request(event, options) {
    return new Promise((resolve, reject) => this.#ask(event, options, (reply) => resolve(reply.event), reject));
  }

  /** Serve requests of this topic from now on. `answer` returns the reply or a promise of it, or throws Refused. */
  async serve(topic, answer) {
    const refuse = (reason, detail) => new RequestFailed("invalid", `${reason}: ${detail}`, String(topic));
    checkTopic(topic, refuse);
    if (typeof answer !== "function") throw refuse("malformed", "expected a function that answers");
    this.#checkOpen((detail) => new RequestFailed("died", detail, topic));
    this.#handlers.set(topic, answer);
    await new Promise((resolve, reject) => this.#protocol.serve(topic, resolve, reject));
  }

  /** Hear events of these topics or patterns (`models.*`, `*`), retained ones first. */
  async subscribe(...patterns) {
    this.#checkOpen((detail) => new RequestFailed("died", detail));
    if (!patterns.length || patterns.length > PATTERN_LIMIT || !patterns.every((pattern) => typeof pattern === "string" && pattern))
      throw new RequestFailed("invalid", `expected 1 to ${PATTERN_LIMIT} topics or patterns`);
    const subscription = new Subscription(patterns, {
      leave: () => this.#protocol.unsubscribe(subscription) && this.#sockets.unsubscribe(...patterns.map(prefixOf)),
      handedOn: (run) => this.#protocol.handedOn(subscription, run),
      hasRoom: () => this.#protocol.askHeads(),
      unreadable: (count) => (this.#protocol.counts.unreadable += count),
    });
    this.#sockets.subscribe(...patterns.map(prefixOf));
    try {
      await new Promise((resolve, reject) => this.#protocol.subscribe(subscription, resolve, reject));
    } catch (error) {
      subscription.close();
      throw error;
    }
    return subscription;
  }

  /** Ask for a state, and follow its changes. Items are `{kind: "reply", event}`, which replaces everything, and `{kind: "event", event}`. */
  askThenFollow(request, patterns, options) {
    return askThenFollow([patterns].flat(), {
      subscribe: (all) => this.subscribe(...all),
      ask: () => new Promise((resolve, reject) => this.#ask(request, options, resolve, reject)),
      isBefore: (ordering, epoch, other) => this.#isBefore(ordering, epoch, other),
    });
  }

  /** Leave the bus. `returning`: requests to this client fail as `restarting` until it is back. */
  async close({ returning = false } = {}) {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#protocol.leave(Boolean(returning));
    for (const subscription of [...this.#protocol.subscriptions]) subscription._finish();
    await this.#sockets.close();
  }

  // -- sockets -----------------------------------------------------------------------------------------------------------

  #opened(runtime) {
    const subscribed = [...this.#protocol.subscriptions].flatMap(({ patterns }) => patterns.map(prefixOf));
    try {
      checkEndpoints(runtime.lane, runtime.feed);
      return new SocketPair(runtime, subscribed, {
        connected: () => this.#connected(),
        disconnected: () => this.#disconnected(),
        denied: (reason, detail) => this._deny(new HelloRefused(this.name, reason, detail)),
        lane: (frames) => this.#protocol.lane(frames),
        feed: (frames) => this.#protocol.feed(frames),
        fault: (error) => this.#warn(error),
      });
    } catch (error) {
      if (error instanceof UnsafePlace) throw error;
      throw new NotRunning(this.#path, `its endpoints or keys make no sense: ${error.message}`);
    }
  }

  #connected() {
    this.#sockets.clear();
    this.#protocol.connected();
  }

  #disconnected() {
    this.#sockets.clear();
    this.#protocol.disconnected();
  }

  #check() {
    try {
      this.#protocol.tick();
      if (!this.isConnected && this.#path) this.#followRuntime();
    } catch (error) {
      this.#warn(error);
    }
  }

  /** While the broker is away, look whether the runtime listens elsewhere. */
  #followRuntime() {
    let runtime;
    try {
      runtime = readRuntime(this.#path);
    } catch {
      return; // there is none yet
    }
    if (isDeepStrictEqual(runtime, this.#runtime)) return;
    const [former, sockets] = [this.#sockets, this.#opened(runtime)];
    this.#disconnected();
    [this.#runtime, this.#sockets] = [runtime, sockets];
    this.#protocol.credential = this.#presented();
    void former.close();
  }

  /** What HELLO presents to this runtime. */
  #presented() {
    return this.#credential ?? environmentCredential(this.name, this.#runtime) ?? this.#runtime.token;
  }

  /** The name belongs to another peer now: everything that waits is told, and nothing is tried again. */
  #stop(error) {
    this._deny(error);
    this.#isClosed = true;
    clearInterval(this.#timer);
    for (const subscription of [...this.#protocol.subscriptions]) subscription._finish(error);
    void this.#sockets.close();
  }

  /** A fault of this client is worth a line, once. */
  #warn(error) {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    process.emitWarning(error instanceof Error ? error : new Error(wordsOf(error)));
  }

  // -- what goes out -----------------------------------------------------------------------------------------------------

  #checkOpen(left) {
    if (this.#protocol.refusal) throw this.#protocol.refusal;
    if (this.#isClosed) throw left(LEFT);
  }

  #publish(message, resolve, reject) {
    this.#checkOpen((detail) => new PublishRefused(message.topic, "left", detail));
    const serial = this.#protocol.publish(message, resolve, reject);
    this.#hurry();
    return serial;
  }

  /** Once a turn. */
  #hurry() {
    if (this.#isHurried) return;
    this.#isHurried = true;
    queueMicrotask(() => {
      this.#isHurried = false;
      this.#protocol.hurry();
    });
  }

  /** `resolve` gets the reply, and its place in the order. */
  #ask(event, { timeoutSeconds = 5, correlation } = {}, resolve, reject) {
    const topic = event?.type;
    const refuse = (reason, detail) => new RequestFailed("invalid", `${reason}: ${detail}`, String(topic));
    const body = this.#checked(event, refuse, pack);
    if (!(timeoutSeconds > 0)) throw refuse("malformed", "expected timeoutSeconds above 0");
    const timeoutMilliseconds = Math.max(1, Math.trunc(Math.min(timeoutSeconds * 1000, TIMEOUT_LIMIT_MILLISECONDS)));
    const question = { topic, body, timeoutMilliseconds, correlation: checkedCorrelation(correlation, refuse) };
    this.#checkOpen((detail) => new RequestFailed("died", detail, topic));
    const id = this.#protocol.request(question, (header, reply, error) => {
      clearTimeout(timer);
      if (error) return reject(error);
      try {
        const found = this.#read(reply);
        if (question.correlation !== null) noteCorrelation(found, question.correlation);
        resolve({ event: found, epoch: header.epoch, sequence: header.sequence, source: header.source });
      } catch (unreadable) {
        reject(new RequestFailed("invalid", `the reply cannot be read: ${unreadable.message}`, topic));
      }
    });
    const giveUp = () => this.#protocol.giveUp(id, "deadline", `no outcome within ${timeoutSeconds} s, not even from the broker`);
    const timer = setTimeout(giveUp, timeoutMilliseconds + DEADLINE_GRACE_MILLISECONDS);
  }

  /** The event in a body. Throws Unreadable, and counts it. */
  #read(body) {
    try {
      return unpackEvent(body ?? Buffer.alloc(0));
    } catch (error) {
      this.#protocol.counts.unreadable += 1;
      throw error;
    }
  }

  /** The bytes of an event that the user wants to send. Throws what `refuse` makes of a fault. */
  #checked(event, refuse, write) {
    if (typeof event !== "object" || event === null || Array.isArray(event)) throw refuse("malformed", "expected an object with a type");
    checkTopic(event.type, refuse);
    const wrong = misspelt(event);
    if (wrong) throw refuse("unknown_field", wrong);
    try {
      return write(event, EVENT_LIMIT_BYTES);
    } catch (error) {
      throw error instanceof Unsendable ? refuse(error.reason, error.message) : error;
    }
  }

  #isBefore(ordering, epoch, other) {
    const [mine, others] = [epoch, other].map((each) => this.#protocol.epochs.lastIndexOf(each));
    if (mine >= 0 && others >= 0) return mine < others;
    if (ordering.epoch === other && ordering.isOver(epoch)) return true;
    return ordering.epoch === epoch && ordering.isOver(other) ? false : null;
  }

  // -- what comes in -----------------------------------------------------------------------------------------------------

  async #answer(request) {
    let event;
    try {
      event = this.#read(request.body);
    } catch (error) {
      return this.#protocol.fail(request, "invalid", `the request cannot be read: ${error.message}`);
    }
    const handler = this.#handlers.get(request.topic);
    if (!handler) return this.#protocol.fail(request, "refused", "this client does not serve it");
    const correlation = request.correlation ?? `${request.source}:${request.id}`;
    noteCorrelation(event, correlation);
    try {
      const answer = withCorrelation(correlation, () => handler(event, { source: request.source, correlation }));
      // As of when an answer holds that takes its time is not known: it is the moment of its request.
      const serial = typeof answer?.then === "function" ? request.serial : this.#protocol.serial;
      const refuse = (reason, detail) => new Refused(`the reply cannot be sent: ${reason}: ${detail}`);
      const reply = this.#checked(await answer, refuse, pack);
      this.#protocol.reply(request, reply, serial);
    } catch (error) {
      this.#protocol.fail(request, error instanceof Refused ? "refused" : "died", wordsOf(error));
      if (!(error instanceof Refused)) process.emitWarning(error instanceof Error ? error : new Error(wordsOf(error)));
    }
  }
}

function checkTopic(topic, refuse) {
  if (typeof topic !== "string" || !topic) throw refuse("malformed", "expected a type that is a text");
  if (Buffer.byteLength(topic) > TOPIC_LIMIT_BYTES) throw refuse("malformed", `the topic has more than ${TOPIC_LIMIT_BYTES} bytes`);
}

function checkedKey(key, refuse) {
  return checkedText(key ?? null, "key", KEY_LIMIT_CHARACTERS, refuse);
}

/** The given correlation, or that in force; null: none. */
function checkedCorrelation(correlation, refuse) {
  return checkedText(correlation === undefined ? currentCorrelation() : correlation, "correlation", CORRELATION_LIMIT_CHARACTERS, refuse);
}

function checkedText(text, name, limit, refuse) {
  if (text === null) return null;
  if (typeof text !== "string" || !text.isWellFormed()) throw refuse("malformed", `expected a ${name} that is a text`);
  if (text.length > limit && [...text].length > limit) throw refuse("malformed", `the ${name} has more than ${limit} characters`);
  return text;
}

/** What a thrown value says, whatever it is. */
function wordsOf(thrown) {
  try {
    return thrown instanceof Error ? String(thrown.message) : inspect(thrown);
  } catch {
    return "an error without words";
  }
}
