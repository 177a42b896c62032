// The two sockets of a client. Nothing that arrives, and nothing that fails, gets past them as an exception.
import { Dealer, Subscriber } from "zeromq";
import { checkEndpoints } from "./own_places.js";
import { FRAME_LIMIT_BYTES } from "./limits.js";

const LINGER_MILLISECONDS = 200;
const GREET_AGAIN_MILLISECONDS = 1000;
const FAULT_PAUSE_MILLISECONDS = 10;

/** A lane and a feed to one runtime, until they are closed. */
export class SocketPair {
  #lane;
  #feed;
  #hooks;
  #outgoing = [];
  #leaving = []; // what #sendAll is about to send
  #sending = null; // the promise of #sendAll
  #isClosed = false;
  #endpoint;
  #greeting; // the timer of the next try to greet

  /** `hooks`: connected(), disconnected(), denied(reason, detail), lane(frames), feed(frames), fault(error). */
  constructor({ lane, feed, curve }, prefixes, hooks) {
    const keys = curve ? { curveServerKey: curve.server_public, curvePublicKey: curve.client_public, curveSecretKey: curve.client_secret } : {};
    const options = { linger: LINGER_MILLISECONDS, maxMessageSize: FRAME_LIMIT_BYTES, reconnectInterval: 20, reconnectMaxInterval: 1000, ...keys };
    this.#hooks = hooks;
    this.#lane = new Dealer({ ...options, immediate: true, sendHighWaterMark: 4096, receiveHighWaterMark: 4096 });
    this.#feed = new Subscriber({ ...options, linger: 0, receiveHighWaterMark: 4096 });
    this.#endpoint = lane;
    this.#on("handshake", () => this.#greet());
    this.#on("disconnect", () => {
      clearTimeout(this.#greeting);
      hooks.disconnected();
    });
    for (const event of ["handshake:error:auth", "handshake:error:protocol"])
      this.#on(event, () => hooks.denied("denied", "the keys of runtime.json are not those of the broker"));
    this.#feed.subscribe("!welcome", "!heartbeat", ...prefixes);
    try {
      this.#lane.connect(lane);
      this.#feed.connect(feed);
    } catch (error) {
      void this.close();
      throw error;
    }
    this.#listen(this.#lane, (frames) => hooks.lane(frames));
    this.#listen(this.#feed, (frames) => hooks.feed(frames));
  }

  #on(event, act) {
    this.#lane.events.on(event, () => {
      try {
        if (!this.#isClosed) act();
      } catch (error) {
        this.#hooks.fault(error);
      }
    });
  }

  /** Have HELLO said, which has the credential, unless a stranger may have taken the connection: ZeroMQ connects anew by itself. */
  #greet() {
    try {
      checkEndpoints(this.#endpoint);
    } catch (unsafe) {
      this.#greeting = setTimeout(() => this.#isClosed || this.#greet(), GREET_AGAIN_MILLISECONDS);
      return this.#hooks.denied("unsafe_place", unsafe.message);
    }
    this.#hooks.connected();
  }

  subscribe(...prefixes) {
    if (!this.#isClosed) this.#feed.subscribe(...prefixes);
  }

  unsubscribe(...prefixes) {
    if (!this.#isClosed) this.#feed.unsubscribe(...prefixes);
  }

  /** Send a lane message. ZeroMQ takes one at a time. */
  send(frames) {
    if (this.#isClosed) return;
    this.#outgoing.push(frames);
    this.#sending ??= this.#sendAll();
  }

  /** Forget what has not left yet. */
  clear() {
    this.#outgoing.length = this.#leaving.length = 0;
  }

  /** Close, once what was sent has left; what does not leave soon never does. */
  async close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#greeting);
    let timer;
    const patience = new Promise((resolve) => (timer = setTimeout(resolve, LINGER_MILLISECONDS)));
    await Promise.race([this.#sending, patience]);
    clearTimeout(timer);
    for (const socket of [this.#lane, this.#feed]) socket.close();
  }

  async #sendAll() {
    try {
      while (this.#outgoing.length) {
        [this.#leaving, this.#outgoing] = [this.#outgoing, []];
        for (let i = 0; i < this.#leaving.length; i++) await this.#lane.send(this.#leaving[i]);
      }
    } catch (error) {
      if (!this.#isClosed) this.#hooks.fault(error);
    } finally {
      this.#leaving = [];
      this.#sending = null;
    }
  }

  async #listen(socket, take) {
    while (!this.#isClosed && !socket.closed) {
      try {
        const frames = await socket.receive();
        if (!this.#isClosed) take(frames);
      } catch (error) {
        if (this.#isClosed || socket.closed) return;
        this.#hooks.fault(error);
        await new Promise((resolve) => setTimeout(resolve, FAULT_PAUSE_MILLISECONDS));
      }
    }
  }
}
