// Puts the events of one subscription in order, and completes them. Pure: feed messages in, steps out.

const HELD_LIMIT_MESSAGES = 4096;
const PATIENCE_HEARTBEATS = 5;
const RUN = ["epoch", "sequence", "number", "count", "time_ns", "source", "instance", "source_number", "key", "correlation"];

/** A feed message, from its three frames. */
export function readRun(topic, header, body) {
  return { topic, body, skip: 0, ...Object.fromEntries(RUN.map((field, i) => [field, header[i] ?? null])) };
}

/** Steps are `{hear: run}` (events of its body from `skip` on), `{lost: topic, count, reason}` and `{fetch: topic, first, last}`. */
export class Ordering {
  epoch = "";
  #over = new Set();
  #early = []; // what came before the snapshot; null once that is there
  #seen = new Map();

  constructor(patterns) {
    this.patterns = patterns;
    this.#reset();
  }

  #reset() {
    [this.due, this.held, this.asked, this.lost, this.compared] = [new Map(), new Map(), new Map(), new Map(), new Set()];
  }

  wants(topic) {
    return this.patterns.some((pattern) => (pattern.endsWith("*") ? topic.startsWith(pattern.slice(0, -1)) : topic === pattern));
  }

  /** The snapshot is there: first its retained events, then what followed it. */
  join(epoch, heads, retained) {
    const early = this.#early ?? [];
    this.#early = null;
    if (this.#enter(epoch)) this.due = new Map(Object.entries(heads).map(([topic, head]) => [topic, head + 1]));
    for (const run of retained) {
      this.#note(run, run.source_number + run.count - 1);
      this.compared.add(`${run.topic} ${run.instance}`); // events up to the heads are older than the subscription
    }
    return [...retained.map((run) => ({ hear: { ...run, skip: run.count - 1 } })), ...early.flatMap((run) => this.receive(run))];
  }

  /** A run came over the feed, or in the answer to a REPLAY. */
  receive(run) {
    if (!this.wants(run.topic) || !this.#enter(run.epoch)) return [];
    if (this.#early) {
      if (this.#early.push(run) > HELD_LIMIT_MESSAGES) this.#early.shift();
      return [];
    }
    if (run.number <= this.#dueOf(run.topic)) return [...this.#take(run), ...this.#release(run.topic)];
    const held = this.held.get(run.topic) ?? [];
    if (held.length < HELD_LIMIT_MESSAGES) held.push(run);
    this.held.set(run.topic, held);
    return this.#fetch(run.topic, run.number - 1);
  }

  /** The broker states the newest number of each topic, which shows a lost tail. */
  heartbeat(epoch, heads) {
    if (this.#early || !this.#enter(epoch)) return [];
    const steps = [];
    for (const [topic, head] of Object.entries(heads).filter(([topic]) => this.wants(topic))) {
      const asked = this.asked.get(topic);
      if (asked && ++asked.waited >= PATIENCE_HEARTBEATS) this.asked.delete(topic);
      if (this.#dueOf(topic) <= head) steps.push(...this.#fetch(topic, head));
    }
    return steps;
  }

  /** A REPLAY of this epoch was answered: how many events are lost for good, and what there is. */
  replayed(epoch, topic, lost, runs) {
    if (epoch !== this.epoch) return [];
    const due = this.#dueOf(topic);
    const { last } = this.asked.get(topic) ?? { last: 0 };
    this.asked.delete(topic);
    const steps = [];
    if (lost) {
      this.due.set(topic, due + lost);
      this.lost.set(topic, { from: this.lost.get(topic)?.from ?? due, until: due + lost });
      steps.push({ lost: topic, count: lost, reason: "ring_exceeded" });
    }
    steps.push(...runs.flatMap((run) => this.receive(run)), ...this.#release(topic));
    const now = this.#dueOf(topic);
    return due < now && now <= last ? [...steps, ...this.#fetch(topic, last)] : steps;
  }

  /** After a loss, retained events among the lost ones show the present state. */
  recalled(topic, retained) {
    const { from, until } = this.lost.get(topic) ?? { from: 0, until: 0 };
    this.lost.delete(topic);
    const isLost = (run) => run.epoch === this.epoch && run.number >= from && run.number < until;
    return retained.filter(isLost).map((run) => ({ hear: { ...run, skip: run.count - 1 } }));
  }

  /** A REPLAY gets no answer; the next heartbeat requests it again. */
  forget(topic) {
    this.asked.delete(topic);
  }

  /** Follow this epoch, unless it is over. All of a new epoch is wanted, from the first number on. */
  #enter(epoch) {
    if (this.#over.has(epoch)) return false;
    if (epoch !== this.epoch) {
      if (this.epoch) this.#over.add(this.epoch);
      this.epoch = epoch;
      this.#reset();
      if (this.#early) this.#early = [];
    }
    return true;
  }

  #dueOf(topic) {
    if (!this.due.has(topic)) this.due.set(topic, 1);
    return this.due.get(topic);
  }

  #fetch(topic, last) {
    if (this.asked.has(topic)) return [];
    this.asked.set(topic, { last, waited: 0 });
    return [{ fetch: topic, first: this.#dueOf(topic), last }];
  }

  #release(topic) {
    const steps = [];
    const held = this.held.get(topic) ?? [];
    while (held.length && held[0].number <= this.#dueOf(topic)) steps.push(...this.#take(held.shift()));
    return held.length ? [...steps, ...this.#fetch(topic, held[0].number - 1)] : steps;
  }

  /** Take a run that begins at the due number or before it, and compare it with the publisher's own count. */
  #take(run) {
    const due = this.#dueOf(run.topic);
    if (run.number + run.count <= due) return [];
    this.due.set(run.topic, run.number + run.count);
    const source = `${run.topic} ${run.instance}`;
    const seen = this.#seen.get(source) ?? 0;
    const first = run.source_number + due - run.number;
    const last = run.source_number + run.count - 1;
    const steps = [];
    if (last > seen && !this.compared.has(source)) {
      this.compared.add(source);
      if (seen && run.key === null && first > seen + 1) steps.push({ lost: run.topic, count: first - seen - 1, reason: "broker_restarted" });
    }
    this.#note(run, last);
    const skip = due - run.number + Math.max(0, seen + 1 - first);
    return skip < run.count ? [...steps, { hear: { ...run, skip } }] : steps;
  }

  #note(run, last) {
    const source = `${run.topic} ${run.instance}`;
    this.#seen.set(source, Math.max(last, this.#seen.get(source) ?? 0));
  }
}
