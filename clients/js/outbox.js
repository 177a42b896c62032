// Keeps what a client has published and the broker may not have, or may lose. Pure: frames out, acceptance in.
import { pack } from "./encoder.js";
import { PublishRefused } from "./errors.js";

const TAIL_MILLISECONDS = 10_000;
const TAIL_LIMIT_MESSAGES = 4096;
const EMPTY_RUN = Buffer.from([0x90]);

export class Outbox {
  #serial = 0;
  #counts = new Map(); // topic -> how many were published
  #underWay = new Map(); // serial -> message that is not accepted yet
  #tail = []; // messages that were accepted recently
  #newest = new Map(); // topic and key -> newest message that is retained
  #last = { serial: 0, firsts: new Map() }; // what this broker was sent last, in all and of each topic

  /** The serial of the message that was offered last. */
  get serial() {
    return this.#serial;
  }

  /** Leave serial 1 to no message, if none has it: as of it holds what was before all that is published. (0 would say: after it.) */
  reserve() {
    this.#serial ||= 1;
  }

  /** Give a run of one event its number, and return its frames. `resolve` or `reject` is called with the broker's decision. */
  offer({ topic, body, key = null, correlation = null }, resolve, reject) {
    const first = (this.#counts.get(topic) ?? 0) + 1;
    this.#counts.set(topic, first);
    return this.#keep({ topic, body, key, correlation, count: 1, first, resolve, reject });
  }

  /** Withdraw what is retained under a key. It takes a serial, and no number. */
  withdraw({ topic, key, correlation = null }, resolve, reject) {
    const first = (this.#counts.get(topic) ?? 0) + 1;
    return this.#keep({ topic, body: EMPTY_RUN, key, correlation, count: 0, first, resolve, reject });
  }

  /** The broker accepted every message up to this serial. */
  accepted(serial, now) {
    for (const [first, message] of this.#underWay) {
      if (first > serial) break;
      this.#underWay.delete(first);
      this.#tail.push(Object.assign(message, { acceptedAt: now }));
      if (message.key !== null) this.#retain(message);
      message.resolve();
    }
    this.#trim(now);
  }

  /** The broker gave a message no place in the order. */
  refused(serial, reason, detail) {
    const message = this.#underWay.get(serial);
    this.#underWay.delete(serial);
    message?.reject(new PublishRefused(message.topic, reason, detail));
  }

  /** A new broker gets what is retained, what was accepted recently, and what was not accepted. */
  startOver(now) {
    this.#trim(now);
    const again = [...this.#newest.values(), ...this.#tail, ...this.#underWay.values()].map((message) => [message.serial, message]);
    this.#underWay = new Map([...new Map(again)].sort(([a], [b]) => a - b));
    this.#tail = [];
    this.#last = { serial: 0, firsts: new Map() };
    for (const message of this.#underWay.values()) this.#follow(message, true);
  }

  /** The frames of every message that is not accepted, in order. */
  unaccepted() {
    return [...this.#underWay.values()].map(({ frames }) => frames);
  }

  /** Fail every message that is under way. */
  abandon(reason) {
    for (const { topic, reject } of this.#underWay.values()) reject(reason(topic));
    this.#underWay.clear();
  }

  #keep(message) {
    this.#serial += 1;
    message.serial = this.#serial;
    this.#follow(message, false);
    this.#underWay.set(message.serial, message);
    return message.frames;
  }

  /** Say whether it leaves numbers out, as messages do that go to a broker behind others that it does not get. */
  #follow(message, isAgain) {
    const { serial, topic, count, first, key, correlation, body } = message;
    const known = this.#last.firsts.get(topic);
    const leaps = (this.#last.serial && serial !== this.#last.serial + 1) || (count && known !== undefined && first !== known + 1);
    message.frames = ["PUBLISH", pack([serial, topic, count, first, key, correlation, isAgain || Boolean(leaps)]), body];
    this.#last.serial = serial;
    if (count) this.#last.firsts.set(topic, first);
  }

  #retain(message) {
    const name = `${message.topic} ${message.key}`;
    if (message.count) this.#newest.set(name, message);
    else this.#newest.delete(name);
  }

  #trim(now) {
    let over = Math.max(0, this.#tail.length - TAIL_LIMIT_MESSAGES);
    while (over < this.#tail.length && now - this.#tail[over].acceptedAt > TAIL_MILLISECONDS) over += 1;
    if (over) this.#tail.splice(0, over);
  }
}
