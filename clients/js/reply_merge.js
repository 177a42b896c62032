// Decides how a reply and the events of its server come together, so that no older state replaces a newer. Pure.

const RETRY_KINDS = new Set(["restarting", "no_responder", "died", "deadline", "busy"]);
const RETRY_MILLISECONDS = 500;
const HELD_LIMIT_EVENTS = 16_384;
const SOURCE_LIMIT = 8192;

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
  #shown = new Map(); // topic and instance -> highest number of its publisher that was handed on, of retained events

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

  /** Whether a reply was handed on already. */
  get hasReply() {
    return this.#place !== null;
  }

  /** The request is on its way: events wait until it is answered. */
  asked() {
    this.#isAsking = true;
    this.#askDue = null;
  }

  /**
   * The reply, and behind it what it does not contain. `retained`: what other peers retain now; of that, the reply would wipe out
   * what was handed on before it.
   */
  replied(place, reply, retained = []) {
    this.#place = place;
    this.#isAsking = false;
    const shown = retained.filter(({ run }) => run.source !== place.source && this.#wants(run.topic) && this.#wasShown(run));
    return [{ kind: "reply", event: reply }, ...shown.map(({ event }) => ({ kind: "event", event })), ...this.#released()];
  }

  /** There is no reply. Returns what was held; null: that is the end, since asking again would not help. */
  failed(kind, now) {
    this.#isAsking = false;
    if (!this.#place || !RETRY_KINDS.has(kind)) return null;
    this.#askDue = now + RETRY_MILLISECONDS;
    return this.#released();
  }

  /** An event came: it is handed on, or held, or it is in the reply already. */
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
    this.#noteShown(run);
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

  #noteShown({ topic, instance, key, source_number, count }) {
    if (key === null) return;
    const name = `${topic} ${instance}`;
    this.#shown.set(name, Math.max(source_number + count - 1, this.#shown.get(name) ?? 0));
    if (this.#shown.size > SOURCE_LIMIT) this.#shown.delete(this.#shown.keys().next().value);
  }

  #wasShown({ topic, instance, source_number, count }) {
    return source_number + count - 1 <= (this.#shown.get(`${topic} ${instance}`) ?? 0);
  }
}
