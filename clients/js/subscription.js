// What one subscriber hears: a queue that the client fills and an async iterator empties.
import { noteCorrelation } from "./correlation.js";
import { unpackEvents } from "./decoder.js";
import { Ordering } from "./ordering.js";

const QUEUE_LIMIT_EVENTS = 16_384;

/** Events in order. Events that are lost for good, or cannot be read, show as `bus.gap`. */
export class Subscription {
  #chunks = []; // {run, isRetained, events, places, gaps, at}: places in the one order
  #size = 0;
  #waiting = []; // {resolve, reject} of those who called next
  #drained = () => {};
  #end = null; // {error}: nothing follows what is queued
  #leave;
  #handedOn;

  constructor(patterns, { leave = () => {}, handedOn = () => {} } = {}) {
    this.patterns = patterns;
    this.ordering = new Ordering(patterns);
    this.#leave = leave;
    this.#handedOn = handedOn;
  }

  get isClosed() {
    return this.#end !== null;
  }

  /** The error with which it ended; null: there is none. */
  get _failure() {
    return this.#end?.error ?? null;
  }

  /** Queue the events of a run from `skip` on. Returns how many of them cannot be read. */
  _hear(run, isRetained) {
    const found = unpackEvents(run.body, run.count, run.skip);
    const [events, gaps, places] = [[], new Set(), []];
    for (const [i, event] of found.entries()) {
      if (event === null && gaps.has(events.at(-1))) {
        events.at(-1).count += 1;
        continue;
      }
      events.push(event ?? gapOf(run.topic, 1, "unreadable"));
      places.push(run.sequence + run.skip + i);
      if (event === null) gaps.add(events.at(-1));
    }
    this.#put({ run: { ...run, body: null }, isRetained, events, places, gaps, at: 0 });
    return found.length - events.length + gaps.size;
  }

  /** Queue the loss of events. */
  _lose(topic, count, reason) {
    const gap = gapOf(topic, count, reason);
    this.#put({ run: null, isRetained: false, events: [gap], places: [0], gaps: new Set([gap]), at: 0 });
  }

  /** End it. What is queued is still handed on; then comes this error, or the end if there is none. */
  _finish(error = null) {
    if (this.#end) return;
    this.#end = { error };
    this.#pass();
    this.#drained();
  }

  /** Wait until the queue has room. */
  async _room() {
    while (this.#size > QUEUE_LIMIT_EVENTS && !this.#end) await new Promise((resolve) => (this.#drained = resolve));
  }

  /** The next event, its place, and the run in which it came (null for a gap); undefined once the subscription is closed. */
  _take() {
    if (this.#chunks.length && !this.#waiting.length) return this.#taken(this.#chunks[0]);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#pass();
    });
  }

  /** The next event; undefined once the subscription is closed. */
  async next() {
    return (await this._take())?.event;
  }

  /** Stop listening. */
  close() {
    if (!this.#end) this.#leave();
    this.#chunks = [];
    this.#size = 0;
    this._finish();
  }

  async *[Symbol.asyncIterator]() {
    try {
      for (let event = await this.next(); event !== undefined; event = await this.next()) yield event;
    } finally {
      this.close();
    }
  }

  #put(chunk) {
    if (this.#end) return;
    this.#chunks.push(chunk);
    this.#size += chunk.events.length;
    this.#pass();
  }

  /** Hand queued events to those who wait. */
  #pass() {
    while (this.#waiting.length) {
      const chunk = this.#chunks[0];
      if (chunk) this.#waiting.shift().resolve(this.#taken(chunk));
      else if (!this.#end) return;
      else if (this.#end.error) this.#waiting.shift().reject(this.#end.error);
      else this.#waiting.shift().resolve(undefined);
    }
  }

  #taken(chunk) {
    const [event, sequence] = [chunk.events[chunk.at], chunk.places[chunk.at]];
    chunk.at += 1;
    this.#size -= 1;
    if (chunk.at === chunk.events.length) {
      this.#chunks.shift();
      if (chunk.run && !chunk.isRetained) this.#handedOn(chunk.run);
    }
    if (this.#size <= QUEUE_LIMIT_EVENTS) this.#drained();
    if (chunk.gaps.has(event)) return { event, run: null, sequence };
    if (chunk.run.correlation !== null) noteCorrelation(event, chunk.run.correlation);
    return { event, run: chunk.run, sequence };
  }
}

const gapOf = (topic, count, reason) => ({ type: "bus.gap", lost_topic: topic, count, reason });
