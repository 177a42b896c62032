// Decides how a reply and the events of its server come together, so that no older state replaces a newer. Pure.

const RETRY_KINDS = new Set(["restarting", "no_responder", "died", "deadline", "busy"]);
const RETRY_MILLISECONDS = 500;
const HELD_LIMIT_EVENTS = 16_384;
const RETAINED_LIMIT_EVENTS = 8192;

/** Events of this topic show that a server is a new one. */
export const JOINED_TOPIC = "bus.peer_joined";

/**
 * Holds events while a reply is awaited, and hands on what the reply does not contain. What it hands on is
 * `{kind: "reply", event}`, which replaces everything before, or `{kind: "event", event}`, to be merged.
 */
export class ReplyMerge {
  #wants;
  #isBefore;
  #isAsking = false;
  #askDue = 0; // when to ask; null: there is no need
  #place = null; // epoch, sequence and source of the reply
  #held = []; // {event, run}
  #retained = new Map(); // topic and key -> newest retained event that was handed on, with its source

  /**
   * `wants(topic)`: whether the user follows it. `isBefore(epoch, other)`: whether one epoch came before another; null: it cannot
   * be told yet.
   */
  constructor(wants, isBefore) {
    this.#wants = wants;
    this.#isBefore = isBefore;
  }

  /** Milliseconds until the server is to be asked, for the first time or again; null: there is no need. */
  delay(now) {
    return this.#isAsking || this.#askDue === null ? null : Math.max(0, this.#askDue - now);
  }

  /** Whether it holds as many events as it may. */
  get isFull() {
    return this.#held.length >= HELD_LIMIT_EVENTS;
  }

  /** The request is on its way: events wait until it is answered. */
  asked() {
    this.#isAsking = true;
    this.#askDue = null;
  }

  /**
   * The reply, and behind it what it does not contain: what other peers retain, which a reply that replaces everything would wipe out,
   * and the events that were held.
   */
  replied(place, reply) {
    this.#place = place;
    this.#isAsking = false;
    const others = [...this.#retained.values()].filter(({ source }) => source !== place.source);
    return [{ kind: "reply", event: reply }, ...others.map(({ event }) => ({ kind: "event", event })), ...this.#released()];
  }

  /** There is no reply. Returns what was held; null: that is the end, since asking again would not help. */
  failed(kind, now) {
    this.#isAsking = false;
    if (!this.#place || !RETRY_KINDS.has(kind)) return null;
    this.#askDue = now + RETRY_MILLISECONDS;
    return this.#released();
  }

  /** An event came: it is handed on, or held, or it is in the reply already. `run`: how it came, with the place of this very event. */
  heard(event, run) {
    if (this.#isAsking || !this.#place) {
      this.#held.push({ event, run });
      return [];
    }
    const isBefore = this.#isInReply(run);
    if (isBefore && run.source === this.#place.source) return [];
    if (isBefore === null) this.#askDue = 0; // in doubt, a fresh reply decides
    if (!isBefore && run.topic === JOINED_TOPIC && event.peer === this.#place.source) this.#askDue = 0; // what it knew may be gone
    if (!this.#wants(run.topic)) return [];
    if (run.key !== null) this.#retain(event, run);
    return [{ kind: "event", event }];
  }

  /** Events are missing: only a fresh reply shows the state. */
  lost() {
    this.#askDue = 0;
  }

  /** Whether the reply holds as of the place of an event, or a later one. */
  #isInReply({ epoch, sequence }) {
    return epoch === this.#place.epoch ? sequence <= this.#place.sequence : this.#isBefore(epoch, this.#place.epoch);
  }

  #released() {
    const held = this.#held;
    this.#held = [];
    return held.flatMap(({ event, run }) => this.heard(event, run));
  }

  #retain(event, { topic, key, source }) {
    const name = `${topic} ${key}`;
    this.#retained.delete(name); // so that they come in the order in which they were handed on
    this.#retained.set(name, { event, source });
    if (this.#retained.size > RETAINED_LIMIT_EVENTS) this.#retained.delete(this.#retained.keys().next().value);
  }
}
