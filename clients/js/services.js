// Keeps which topics a client serves, and which of its SERVEs the broker has still to answer. Pure.

export class Services {
  #say;
  #topics = new Map(); // topic -> {resolve, reject} until the broker has confirmed it, then null
  #asked = []; // topics of the SERVEs without an answer, in the order in which they were sent
  #refused = new Set(); // topics that were confirmed before, and refused after a reconnect

  /** `say(topic)` sends a SERVE. */
  constructor(say) {
    this.#say = say;
  }

  /** The topic whose SERVE is answered next. */
  get next() {
    return this.#asked[0];
  }

  add(topic, resolve, reject) {
    this.#topics.set(topic, { resolve, reject });
  }

  ask(topic) {
    this.#asked.push(topic);
    this.#say(topic);
  }

  /** The broker forgets the services of a connection that ended. */
  startOver() {
    this.#asked = [];
    this.#refused.clear();
    for (const topic of this.#topics.keys()) this.ask(topic);
  }

  /** Ask again for what was refused after a reconnect. */
  retry() {
    for (const topic of this.#refused) this.ask(topic);
    this.#refused.clear();
  }

  /** The broker answers SERVEs in the order in which they were sent. `error`: it refuses; null: it confirms. */
  answered(error) {
    const topic = this.#asked.shift();
    const waiting = this.#topics.get(topic);
    if (waiting === undefined) return;
    if (!error) this.#topics.set(topic, null);
    else if (waiting) this.#topics.delete(topic);
    else this.#refused.add(topic);
    if (error) waiting?.reject(error);
    else waiting?.resolve();
  }

  /** Fail those who wait for a confirmation. */
  abandon(reason) {
    for (const [topic, waiting] of this.#topics) waiting?.reject(reason(topic));
    this.#topics.clear();
  }
}
