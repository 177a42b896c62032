// What one subscriber hears: a queue that the client fills and an async iterator empties.
import { noteCorrelation } from "./correlation.js";
import { unpackEvents } from "./decoder.js";
import { Ordering } from "./ordering.js";

const QUEUE_LIMIT_EVENTS = 16_384;
const QUEUE_LIMIT_BYTES = 64 * 1024 * 1024;

/** Events in order. Events that are lost for good, or cannot be read, show as `bus.gap`. */
export class Subscription {
  #chunks = []; // runs and gaps, as #asChunk makes them; a run is read when it is taken, since what it holds may be many times its size
  #size = 0; // events that are queued
  #bytes = 0; // of runs that are not read yet
  #wasFull = false;
  #waiting = []; // {resolve, reject} of those who called next
  #end = null; // {error}: nothing follows what is queued
  #hooks;

  /** `hooks`: leave(), handedOn(run), hasRoom(), unreadable(count). */
  constructor(patterns, hooks = {}) {
    this.patterns = patterns;
    this.ordering = new Ordering(patterns);
    this.#hooks = hooks;
  }

  get isClosed() {
    return this.#end !== null;
  }

  /** The error with which it ended; null: there is none. */
  get _failure() {
    return this.#end?.error ?? null;
  }

  /** Whether nothing more is to be queued; `hasRoom` is called once it is. */
  get _isFull() {
    this.#wasFull ||= this.#size > QUEUE_LIMIT_EVENTS || this.#bytes > QUEUE_LIMIT_BYTES;
    return this.#wasFull;
  }

  /** Queue the events of a run from `skip` on. */
  _hear(run, isRetained) {
    this.#bytes += run.body.length;
    this.#put({ run, isRetained, events: null }, run.count - run.skip);
  }

  /** Queue the loss of events. */
  _lose(topic, count, reason) {
    const gap = gapOf(topic, count, reason);
    this.#put({ run: null, isRetained: false, events: [gap], places: [0], gaps: new Set([gap]), at: 0 }, 1);
  }

  /** End it. What is queued is still handed on; then comes this error, or the end if there is none. */
  _finish(error = null) {
    if (this.#end) return;
    this.#end = { error };
    this.#pass();
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
    if (!this.#end) this.#hooks.leave?.();
    [this.#chunks, this.#size, this.#bytes] = [[], 0, 0];
    this._finish();
  }

  async *[Symbol.asyncIterator]() {
    try {
      for (let event = await this.next(); event !== undefined; event = await this.next()) yield event;
    } finally {
      this.close();
    }
  }

  #put(chunk, size) {
    if (this.#end) return;
    this.#chunks.push(chunk);
    this.#size += size;
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
    if (!chunk.events) this.#read(chunk);
    const [event, sequence] = [chunk.events[chunk.at], chunk.places[chunk.at]];
    chunk.at += 1;
    this.#size -= 1;
    if (chunk.at === chunk.events.length) {
      this.#chunks.shift();
      if (chunk.run && !chunk.isRetained) this.#hooks.handedOn?.(chunk.run);
    }
    if (this.#wasFull && this.#size <= QUEUE_LIMIT_EVENTS / 2 && this.#bytes <= QUEUE_LIMIT_BYTES / 2) {
      this.#wasFull = false;
      this.#hooks.hasRoom?.();
    }
    if (chunk.gaps.has(event)) return { event, run: null, sequence };
    if (chunk.run.correlation !== null) noteCorrelation(event, chunk.run.correlation);
    return { event, run: chunk.run, sequence };
  }

  /** Read the events of a run. Those that cannot be read become gaps. */
  #read(chunk) {
    const { run } = chunk;
    const [events, gaps, places] = [[], new Set(), []];
    const found = unpackEvents(run.body, run.count, run.skip);
    for (const [i, event] of found.entries()) {
      if (event === null && gaps.has(events.at(-1))) {
        events.at(-1).count += 1;
        continue;
      }
      events.push(event ?? gapOf(run.topic, 1, "unreadable"));
      places.push(run.sequence + run.skip + i);
      if (event === null) gaps.add(events.at(-1));
    }
    this.#bytes -= run.body.length;
    this.#size -= found.length - events.length;
    Object.assign(chunk, { run: { ...run, body: null }, events, places, gaps, at: 0 });
    if (gaps.size) this.#hooks.unreadable?.(found.length - events.length + gaps.size);
  }
}

const gapOf = (topic, count, reason) => ({ type: "bus.gap", lost_topic: topic, count, reason });
