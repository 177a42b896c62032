// Keeps what a client has published and the broker may not have, or may lose. Pure: frames out, acceptance in.
import { encode } from "@msgpack/msgpack";
import { PublishRefused } from "./errors.js";

const TAIL_MILLISECONDS = 10_000;
const TAIL_LIMIT_MESSAGES = 4096;

/** The bytes of an event or of a header. */
export const pack = (value) => encode(value, { ignoreUndefined: true });

export class Outbox {
  #serial = 0;
  #counts = new Map(); // topic -> how many were published
  #underWay = new Map(); // serial -> message that is not accepted yet
  #tail = []; // messages that were accepted recently
  #newest = new Map(); // topic and key -> newest message that is retained

  /** Give an event its number, and return its frames. `resolve` or `reject` is called with the broker's decision. */
  offer(event, key, resolve, reject) {
    const [topic, serial] = [event.type, this.#serial + 1];
    const first = (this.#counts.get(topic) ?? 0) + 1;
    const frames = ["PUBLISH", pack([serial, topic, 1, first, key, null]), pack([event])];
    this.#serial = serial;
    this.#counts.set(topic, first);
    this.#underWay.set(serial, { serial, topic, key, frames, resolve, reject });
    return frames;
  }

  /** The broker accepted every message up to this serial. */
  accepted(serial) {
    for (const [first, message] of this.#underWay) {
      if (first > serial) break;
      this.#underWay.delete(first);
      this.#tail.push(Object.assign(message, { acceptedAt: performance.now() }));
      if (message.key !== null) this.#newest.set(`${message.topic} ${message.key}`, message);
      message.resolve();
    }
    this.#trim();
  }

  /** The broker gave a message no place in the order. */
  refused(serial, reason, detail) {
    const message = this.#underWay.get(serial);
    this.#underWay.delete(serial);
    message?.reject(new PublishRefused(message.topic, reason, detail));
  }

  /** A new broker gets what is retained, what was accepted recently, and what was not accepted. */
  startOver() {
    this.#trim();
    const again = [...this.#newest.values(), ...this.#tail, ...this.#underWay.values()].map((message) => [message.serial, message]);
    this.#underWay = new Map([...new Map(again)].sort(([a], [b]) => a - b));
    this.#tail = [];
  }

  /** The frames of every message that is not accepted, in order. */
  unaccepted() {
    return [...this.#underWay.values()].map(({ frames }) => frames);
  }

  /** Fail every message that is under way. */
  abandon(detail) {
    for (const { topic, reject } of this.#underWay.values()) reject(new PublishRefused(topic, "left", detail));
  }

  #trim() {
    const isOver = ({ acceptedAt }) => performance.now() - acceptedAt > TAIL_MILLISECONDS;
    while (this.#tail.length > TAIL_LIMIT_MESSAGES || (this.#tail.length && isOver(this.#tail[0]))) this.#tail.shift();
  }
}
