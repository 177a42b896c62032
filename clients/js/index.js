// A thin client for an Undercroft runtime: publish, request, serve, subscribe. Written from bus/PROTOCOL.md.
import { randomBytes } from "node:crypto";
import { decode } from "@msgpack/msgpack";
import { Dealer, Subscriber } from "zeromq";
import { HelloRefused, NotRunning, PublishRefused, Refused, RequestFailed } from "./errors.js";
import { Outbox, pack } from "./outbox.js";
import { readRun } from "./ordering.js";
import { readRuntime, runtimePath } from "./runtime.js";
import { Subscription } from "./subscription.js";

export * from "./errors.js";
export { readRuntime, runtimePath };

const FRAME_LIMIT_BYTES = 16 * 1024 * 1024 + 1024;
const CHECK_MILLISECONDS = 1000;
const DEADLINE_GRACE_MILLISECONDS = 250;
const LEFT = "this client left the bus";

const prefixOf = (pattern) => pattern.replace(/\*$/, "");

/** Connect to a runtime: the one that is given, or that of an app or home. Throws NotRunning or HelloRefused. */
export async function connect({ name = `client-${process.pid}-${randomBytes(4).toString("hex")}`, app, home, runtime, timeoutSeconds = 5 } = {}) {
  const path = runtime ? null : runtimePath({ app, home });
  const client = new Client(name, runtime ?? readRuntime(path), path);
  const timer = setTimeout(() => client._deny(new NotRunning(path, `no answer within ${timeoutSeconds} s`)), timeoutSeconds * 1000);
  try {
    await client._letIn;
  } catch (error) {
    await client.close();
    throw error;
  } finally {
    clearTimeout(timer);
  }
  return client;
}

export class Client {
  epoch = "";
  isConnected = false;
  instance = randomBytes(8).toString("hex");
  #isClosed = false;
  #outgoing = [];
  #isSending = false;
  #lastId = 0;
  #questions = new Map(); // id -> {frames, settle, topic, isSent}
  #outbox = new Outbox();
  #isHurried = false;
  #handlers = new Map(); // topic -> handler
  #services = new Map(); // topic -> {resolve, reject} until the broker has confirmed it
  #serves = []; // topics of the SERVEs without confirmation, in the order in which they were sent
  #inHand = new Set();
  #subscriptions = new Set();
  #isRefused = false;

  constructor(name, runtime, path) {
    Object.assign(this, { name, runtime, path });
    this._letIn = new Promise((resolve, reject) => Object.assign(this, { _welcome: resolve, _deny: reject }));
    this.#open();
    this.#timer = setInterval(() => this.#followRuntime(), CHECK_MILLISECONDS);
  }

  #timer;
  #lane;
  #feed;

  /** Publish an event, retained under `key` if there is one. Resolves once it has its place in the order. */
  publish(event, { key = null } = {}) {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(new PublishRefused(event.type, "left", LEFT));
      const frames = this.#outbox.offer(event, key, resolve, reject);
      if (this.isConnected) this.#send(frames);
      this.#hurry();
    });
  }

  /** Send a request. Resolves with its reply, or rejects with RequestFailed. */
  request(event, { timeoutSeconds = 5 } = {}) {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(new RequestFailed("died", LEFT, event.type));
      const settle = (frames, error) => {
        clearTimeout(timer);
        if (error) reject(error);
        else resolve(decode(frames[2]));
      };
      const id = this.#ask("REQUEST", event.type, [event.type, Math.max(1, Math.trunc(timeoutSeconds * 1000)), null], settle, pack(event));
      const giveUp = () => {
        if (this.#questions.get(id)?.isSent) this.#say("CANCEL", [id]);
        this.#fail(id, "deadline", `no outcome within ${timeoutSeconds} s, not even from the broker`);
      };
      const timer = setTimeout(giveUp, timeoutSeconds * 1000 + DEADLINE_GRACE_MILLISECONDS);
    });
  }

  /** Serve requests of this topic from now on. `answer` returns the reply or a promise of it, or throws Refused. */
  serve(topic, answer) {
    this.#handlers.set(topic, answer);
    return new Promise((resolve, reject) => {
      this.#services.set(topic, { resolve, reject });
      if (this.isConnected) this.#sendServe(topic);
    });
  }

  /** Hear events of these topics or patterns (`models.*`, `*`), retained ones first. */
  subscribe(...patterns) {
    const subscription = new Subscription(patterns, () => {
      if (this.#subscriptions.delete(subscription) && !this.#isClosed) this.#feed.unsubscribe(...patterns.map(prefixOf));
    });
    this.#subscriptions.add(subscription);
    this.#feed.subscribe(...patterns.map(prefixOf));
    return new Promise((resolve, reject) => this.#snapshot(subscription, () => resolve(subscription), reject));
  }

  /** Leave the bus. `returning`: requests to this client fail as `restarting` until it is back. */
  async close({ returning = false } = {}) {
    if (this.#isClosed) return;
    if (this.isConnected) await this.#lane.send(["BYE", pack([returning])]).catch(() => {});
    this.#isClosed = true;
    clearInterval(this.#timer);
    for (const id of [...this.#questions.keys()]) this.#fail(id, "died", LEFT);
    this.#outbox.abandon(LEFT);
    for (const subscription of [...this.#subscriptions]) subscription.close();
    this.#closeSockets();
  }

  // -- sockets ---------------------------------------------------------------------------------------------------------

  #open() {
    const { lane, feed, curve } = this.runtime;
    const keys = curve ? { curveServerKey: curve.server_public, curvePublicKey: curve.client_public, curveSecretKey: curve.client_secret } : {};
    const options = { linger: 200, maxMessageSize: FRAME_LIMIT_BYTES, reconnectInterval: 20, reconnectMaxInterval: 1000, ...keys };
    this.#lane = new Dealer({ ...options, sendHighWaterMark: 4096, receiveHighWaterMark: 4096 });
    this.#feed = new Subscriber({ ...options, linger: 0, receiveHighWaterMark: 4096 });
    this.#lane.events.on("handshake", () => this.#connected());
    this.#lane.events.on("disconnect", () => this.#disconnected());
    const denied = () => this._deny(new HelloRefused(this.name, "denied", "the keys of runtime.json are not those of the broker"));
    for (const event of ["handshake:error:auth", "handshake:error:protocol"]) this.#lane.events.on(event, denied);
    this.#feed.subscribe("!welcome", "!heartbeat", ...[...this.#subscriptions].flatMap(({ patterns }) => patterns.map(prefixOf)));
    this.#lane.connect(lane);
    this.#feed.connect(feed);
    this.#listen(this.#lane, (frames) => this.#hearLane(frames));
    this.#listen(this.#feed, (frames) => this.#hearFeed(frames));
  }

  async #listen(socket, take) {
    for await (const frames of socket) await take(frames);
  }

  #closeSockets() {
    this.#lane.close();
    this.#feed.close();
  }

  /** While the broker is away, look whether the runtime listens elsewhere. */
  #followRuntime() {
    if (this.isConnected) return;
    if (this.#isRefused) this.#connected();
    if (!this.path) return;
    try {
      const runtime = readRuntime(this.path);
      if (JSON.stringify(runtime) === JSON.stringify(this.runtime)) return;
      this.runtime = runtime;
    } catch {
      return; // there is none yet
    }
    this.#disconnected();
    this.#closeSockets();
    this.#open();
  }

  #say(verb, header, ...body) {
    this.#send([verb, pack(header), ...body]);
  }

  /** ZeroMQ takes one message at a time. */
  async #send(frames) {
    this.#outgoing.push(frames);
    if (this.#isSending) return;
    this.#isSending = true;
    const lane = this.#lane;
    try {
      while (this.#outgoing.length && !this.#isClosed) await this.#lane.send(this.#outgoing.shift());
    } catch (error) {
      if (!lane.closed) throw error; // WELCOME sends again what matters
    } finally {
      this.#isSending = false;
    }
  }

  // -- connection ------------------------------------------------------------------------------------------------------

  #connected() {
    this.#disconnected();
    this.#say("HELLO", [2, this.name, this.instance, this.runtime.token]);
  }

  #disconnected() {
    this.isConnected = false;
    this.#outgoing = [];
    this.#inHand.clear();
    const lost = "the connection to the broker was lost; the request may have been carried out";
    for (const [id, { isSent }] of [...this.#questions]) if (isSent) this.#fail(id, "died", lost);
  }

  #welcomed([, epoch, accepted]) {
    if (this.isConnected && epoch === this.epoch) return;
    if (epoch === this.epoch) this.#outbox.accepted(accepted);
    else if (this.epoch) this.#outbox.startOver();
    Object.assign(this, { epoch, isConnected: true });
    this.#isRefused = false;
    for (const frames of this.#outbox.unaccepted()) this.#send(frames);
    this.#serves = [];
    for (const topic of this.#services.keys()) this.#sendServe(topic);
    for (const question of this.#questions.values()) {
      if (!question.isSent) this.#send(question.frames);
      question.isSent = true;
    }
    this.#askHeads();
    this._welcome();
  }

  /** Ask for a PONG, once a turn: it confirms what is accepted, without the delay that ACCEPTED has. */
  #hurry() {
    if (this.#isHurried) return;
    this.#isHurried = true;
    queueMicrotask(() => {
      this.#isHurried = false;
      if (this.isConnected) this.#say("PING", [0]);
    });
  }

  #ask(verb, topic, header, settle, ...body) {
    const id = ++this.#lastId;
    const question = { topic, settle, isSent: this.isConnected, frames: [verb, pack([id, ...header]), ...body] };
    this.#questions.set(id, question);
    if (question.isSent) this.#send(question.frames);
    return id;
  }

  #fail(id, kind, detail) {
    const question = this.#questions.get(id);
    this.#questions.delete(id);
    question?.settle([], new RequestFailed(kind, detail, question.topic));
  }

  #sendServe(topic) {
    this.#serves.push(topic);
    this.#say("SERVE", [[topic]]);
  }

  // -- what comes in ---------------------------------------------------------------------------------------------------

  #hearLane(frames) {
    const [verb, header] = [frames[0].toString(), decode(frames[1])];
    if (verb === "WELCOME") this.#welcomed(header);
    else if (verb === "ACCEPTED") this.#outbox.accepted(header[0]);
    else if (verb === "PONG") this.#outbox.accepted(header[2]);
    else if (verb === "PING") this.#say("PONG", [header[0]]);
    else if (verb === "REQUEST") this.#answer(header, frames[2]);
    else if (verb === "CANCEL") this.#inHand.delete(header[0]);
    else if (verb === "SERVE") this.#served(null);
    else if (verb === "FAILED") this.#refused(...header);
    else if (["REPLY", "SNAPSHOT", "REPLAY"].includes(verb)) {
      const question = this.#questions.get(header[0]);
      this.#questions.delete(header[0]);
      question?.settle(frames, null);
    }
  }

  #refused(id, kind, message, verb = "REQUEST") {
    const [reason, detail] = [message.split(": ", 1)[0], message.slice(message.indexOf(": ") + 2)];
    if (verb === "HELLO") {
      this.#isRefused = true;
      this._deny(new HelloRefused(this.name, reason, detail));
    } else if (reason === "unknown_peer") {
      if (verb !== "PUBLISH" && this.#questions.has(id)) this.#questions.get(id).isSent = false;
      if (this.isConnected) this.#connected(); // WELCOME sends again what matters
    } else if (verb === "PUBLISH") this.#outbox.refused(id, reason, detail);
    else if (verb === "SERVE") this.#served(new RequestFailed(kind, message, this.#serves[0]));
    else this.#fail(id, kind, message);
  }

  /** The broker answers SERVEs in the order in which they were sent. */
  #served(error) {
    const topic = this.#serves.shift();
    const waiting = this.#services.get(topic);
    if (!waiting) return;
    if (error) this.#services.delete(topic);
    else this.#services.set(topic, null);
    if (error) waiting.reject(error);
    else waiting.resolve();
  }

  async #answer([id, topic], body) {
    this.#inHand.add(id);
    let outcome;
    try {
      outcome = ["REPLY", [id], pack(await this.#handlers.get(topic)(decode(body)))];
    } catch (error) {
      if (!(error instanceof Refused)) process.emitWarning(error);
      outcome = ["FAILED", [id, error instanceof Refused ? "refused" : "died", String(error.message).slice(0, 1024)]];
    }
    if (this.#inHand.delete(id)) this.#say(...outcome); // unless it was cancelled
  }

  // -- subscriptions ---------------------------------------------------------------------------------------------------------

  async #hearFeed([topic, header, body]) {
    if (topic.toString() === "!welcome") this.#askHeads();
    else if (topic.toString() === "!heartbeat") this.#compare(decode(header)[0], decode(body));
    else {
      const run = readRun(topic.toString(), decode(header), body);
      for (const subscription of [...this.#subscriptions]) this.#apply(subscription, subscription.ordering.receive(run));
      for (const subscription of this.#subscriptions) await subscription._room(); // the broker drops meanwhile; that is fetched later
    }
  }

  #snapshot(subscription, resolve, reject) {
    const settle = (frames, error) => {
      if (error?.kind === "died" && !this.#isClosed) return this.#snapshot(subscription, resolve, reject);
      if (error) {
        subscription.close();
        return reject(error);
      }
      const [, epoch, , heads] = decode(frames[1]);
      this.#apply(subscription, subscription.ordering.join(epoch, heads, feedMessages(frames)));
      resolve();
    };
    this.#ask("SNAPSHOT", "", [subscription.patterns, false], settle);
  }

  #apply(subscription, steps) {
    const { ordering } = subscription;
    for (const { hear, lost, count, reason, fetch, first, last } of steps) {
      if (hear) subscription._put(...decode(hear.body).slice(hear.skip));
      if (lost) subscription._put({ type: "bus.gap", lost_topic: lost, count, reason });
      if (lost && reason === "ring_exceeded") {
        const recall = (frames, error) => error || this.#apply(subscription, ordering.recalled(lost, feedMessages(frames)));
        this.#ask("SNAPSHOT", lost, [[lost], false], recall);
      }
      if (fetch) this.#fetch(subscription, fetch, first, last);
    }
  }

  #fetch(subscription, topic, first, last) {
    const { ordering } = subscription;
    const { epoch } = ordering;
    const settle = (frames, error) => {
      if (error) return epoch === ordering.epoch && ordering.forget(topic);
      this.#apply(subscription, ordering.replayed(epoch, topic, decode(frames[1])[2], feedMessages(frames)));
    };
    if (this.isConnected && this.epoch === epoch) this.#ask("REPLAY", topic, [topic, first, last], settle);
    else ordering.forget(topic); // lane and feed have different brokers for a moment
  }

  /** Compare the newest number of each topic at once. Lane and feed connect in either order. */
  #askHeads() {
    if (!this.isConnected || !this.#subscriptions.size) return;
    const patterns = [...new Set([...this.#subscriptions].flatMap((subscription) => subscription.patterns))];
    const settle = (frames, error) => error || this.#compare(...[1, 3].map((i) => decode(frames[1])[i]));
    this.#ask("SNAPSHOT", "", [patterns, true], settle);
  }

  #compare(epoch, heads) {
    for (const subscription of [...this.#subscriptions]) this.#apply(subscription, subscription.ordering.heartbeat(epoch, heads));
  }
}

/** Feed messages in the body of an answer, three frames each. */
function feedMessages(frames) {
  const runs = [];
  for (let i = 2; i + 2 < frames.length; i += 3) runs.push(readRun(frames[i].toString(), decode(frames[i + 1]), frames[i + 2]));
  return runs;
}
