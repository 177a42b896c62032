// What one subscriber hears: a queue that the client fills and an async iterator empties.
import { Ordering } from "./ordering.js";

const QUEUE_LIMIT_EVENTS = 16_384;

/** Events in order. Events that are lost for good show as `bus.gap`. */
export class Subscription {
  #queue = [];
  #wake = () => {};
  #drained = () => {};
  #isClosed = false;

  constructor(patterns, leave) {
    Object.assign(this, { patterns, ordering: new Ordering(patterns), _leave: leave });
  }

  _put(...events) {
    this.#queue.push(...events);
    this.#wake();
  }

  async _room() {
    while (this.#queue.length > QUEUE_LIMIT_EVENTS && !this.#isClosed) await new Promise((resolve) => (this.#drained = resolve));
  }

  /** The next event; undefined once the subscription is closed. */
  async next() {
    while (!this.#queue.length && !this.#isClosed) await new Promise((resolve) => (this.#wake = resolve));
    const event = this.#queue.shift();
    this.#drained();
    return event;
  }

  /** Stop listening. */
  close() {
    this.#isClosed = true;
    this._leave();
    this.#wake();
    this.#drained();
  }

  async *[Symbol.asyncIterator]() {
    try {
      for (let event = await this.next(); event !== undefined; event = await this.next()) yield event;
    } finally {
      this.close();
    }
  }
}
