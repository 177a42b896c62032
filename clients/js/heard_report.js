// Decides when the broker is told how far the events of a topic were handed on. Pure.
import { HEARD_EVERY_EVENTS } from "./limits.js";

/** The slowest subscription of a client counts. */
export class HeardReport {
  #topics = new Map(); // topic -> {said, at: subscriber -> number}

  /** A subscriber is about to get events of a topic, from behind this number on. */
  expect(topic, subscriber, number) {
    if (!this.#topics.has(topic)) this.#topics.set(topic, { said: number, at: new Map() });
    const { at } = this.#topics.get(topic);
    if (!at.has(subscriber)) at.set(subscriber, number);
  }

  /** A subscriber has handed on events of a topic up to this number. Returns the number to tell; null: none yet. */
  handedOn(topic, subscriber, number) {
    const known = this.#topics.get(topic);
    if (!known?.at.has(subscriber)) return null;
    known.at.set(subscriber, Math.max(number, known.at.get(subscriber)));
    const slowest = Math.min(...known.at.values());
    if (slowest - known.said < HEARD_EVERY_EVENTS) return null;
    known.said = slowest;
    return slowest;
  }

  leave(subscriber) {
    for (const [topic, { at }] of this.#topics) if (at.delete(subscriber) && !at.size) this.#topics.delete(topic);
  }

  /** Numbers of a new broker begin anew. */
  startOver() {
    this.#topics.clear();
  }
}
