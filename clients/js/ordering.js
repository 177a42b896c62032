// Puts the events of one subscription in order, and completes them. Pure: feed messages in, steps out.

const HELD_LIMIT_MESSAGES = 4096;
const HELD_LIMIT_BYTES = 64 * 1024 * 1024;
const SOURCE_LIMIT = 8192;
const TOPIC_LIMIT = 32_768;
const PATIENCE_HEARTBEATS = 5;

/**
 * Steps are `{hear: run, retained}` (events of its body from `skip` on), `{lost: topic, count, reason}` and
 * `{fetch: topic, first, last}`.
 */
export class Ordering {
  epoch = "";
  #over = new Set();
  #early = []; // what came before the snapshot; null once that is there
  #heldBytes = 0; // of what came early, or is held
  #seen = new Map(); // topic and instance -> highest number of its publisher that was handed on
  #seenBefore = new Map(); // the same when the epoch began

  constructor(patterns) {
    this.patterns = patterns;
    this.#reset();
  }

  #reset() {
    this.#heldBytes = 0;
    [this.due, this.held, this.asked, this.lost, this.compared] = [new Map(), new Map(), new Map(), new Map(), new Set()];
  }

  wants(topic) {
    return this.patterns.some((pattern) => (pattern.endsWith("*") ? topic.startsWith(pattern.slice(0, -1)) : topic === pattern));
  }

  /** The snapshot is there: first its retained events up to `sequence`, then what followed it. `heads`: pairs of topic and number. */
  join(epoch, sequence, heads, retained) {
    const early = this.#early ?? [];
    this.#early = null;
    this.#heldBytes = 0;
    if (this.#enter(epoch)) this.due = new Map(heads.map(([topic, head]) => [topic, head + 1]));
    const first = retained.filter((run) => run.sequence + run.count - 1 <= sequence); // the feed brings later ones
    for (const run of first) {
      this.#note(run, run.source_number + run.count - 1);
      this.compared.add(`${run.topic} ${run.instance}`); // events up to the heads are older than the subscription
    }
    return [...first.map((run) => asRetained(run)), ...early.flatMap((run) => this.receive(run))];
  }

  /** A run came over the feed. */
  receive(run) {
    if (!this.wants(run.topic) || !this.#enter(run.epoch)) return [];
    if (this.#early) {
      this.#early.push(run);
      this.#heldBytes += run.body.length;
      while (this.#early.length > HELD_LIMIT_MESSAGES || this.#heldBytes > HELD_LIMIT_BYTES) this.#heldBytes -= this.#early.shift().body.length;
      return [];
    }
    if (run.number <= this.#dueOf(run.topic)) return [...this.#take(run), ...this.#release(run.topic), ...this.#fetchHole(run.topic)];
    const held = this.held.get(run.topic) ?? [];
    if (held.length < HELD_LIMIT_MESSAGES && this.#heldBytes + run.body.length <= HELD_LIMIT_BYTES) {
      held.push(run);
      this.#heldBytes += run.body.length;
      this.held.set(run.topic, held);
    }
    return this.#fetch(run.topic, run.number - 1);
  }

  /** The broker states the newest number of each topic, which shows a lost tail. */
  heartbeat(epoch, heads) {
    if (this.#early || !this.#enter(epoch)) return [];
    const steps = [];
    for (const [topic, head] of heads) {
      if (!this.wants(topic)) continue;
      const asked = this.asked.get(topic);
      if (asked && ++asked.waited >= PATIENCE_HEARTBEATS) this.asked.delete(topic);
      if (this.#dueOf(topic) <= head) steps.push(...this.#fetch(topic, head));
    }
    if (this.due.size > TOPIC_LIMIT) this.#forgetTopics(heads);
    return steps;
  }

  /**
   * A REPLAY was answered in this epoch: how many events from `first` on are lost for good, and what there is.
   * `next` counts: numbers before it that are neither lost nor there were never given. `unreadable`: runs that could not be read.
   */
  replayed(epoch, { fetch: topic, first, last }, { lost, next, runs, unreadable = 0 }) {
    if (epoch !== this.epoch) return [];
    if (this.asked.get(topic)?.first === first) this.asked.delete(topic);
    const due = this.#dueOf(topic);
    const steps = this.#lose(topic, first + lost, "ring_exceeded");
    const goTo = (number) => {
      if (unreadable) steps.push(...this.#lose(topic, number, "unreadable"));
      else if (number > this.#dueOf(topic)) this.due.set(topic, number);
    };
    for (const run of runs) {
      if (run.topic !== topic || run.epoch !== epoch) continue;
      goTo(run.number);
      steps.push(...this.#take(run));
    }
    goTo(next);
    steps.push(...this.#release(topic));
    const now = this.#dueOf(topic);
    if (now === due) this.#await(topic, first, last);
    else if (now <= last) steps.push(...this.#fetch(topic, last));
    else steps.push(...this.#fetchHole(topic));
    return steps;
  }

  /**
   * After a loss in this epoch, retained events among the lost ones show the present state. If the broker is another one by now, the
   * lost ones cannot be told from those that were heard: all that the feed would skip as heard before are handed on again.
   */
  recalled(topic, epoch, retained) {
    const { from, until } = this.lost.get(topic) ?? { from: 0, until: 0 };
    if (epoch === this.epoch) this.lost.delete(topic);
    const isLost = (run) => {
      const last = run.number + run.count - 1;
      if (epoch === this.epoch) return last >= from && last < until;
      return run.source_number + run.count - 1 <= (this.#seenBefore.get(`${topic} ${run.instance}`) ?? 0);
    };
    return retained.filter((run) => run.topic === topic && run.epoch === this.epoch && isLost(run)).map((run) => asRetained(run));
  }

  /** Whether another epoch has succeeded this one. */
  isOver(epoch) {
    return this.#over.has(epoch);
  }

  /** The number of the event of a topic that was taken last. */
  taken(topic) {
    return this.#dueOf(topic) - 1;
  }

  /** A REPLAY gets no answer; the next heartbeat requests it again. */
  forget({ fetch: topic, first, last }) {
    if (this.asked.get(topic)?.first === first) this.#await(topic, first, last);
  }

  /** Ask no more before the next heartbeat. */
  #await(topic, first, last) {
    this.asked.set(topic, { first, last, waited: PATIENCE_HEARTBEATS - 1 });
  }

  /** Follow this epoch, unless it is over. All of a new epoch is wanted, from the first number on. */
  #enter(epoch) {
    if (this.#over.has(epoch)) return false;
    if (epoch !== this.epoch) {
      if (this.epoch) this.#over.add(this.epoch);
      this.epoch = epoch;
      this.#seenBefore = new Map(this.#seen);
      this.#reset();
      if (this.#early) this.#early = [];
    }
    return true;
  }

  #dueOf(topic) {
    return this.due.get(topic) ?? 1;
  }

  /** Topics that the broker has forgotten need no number: theirs do not begin below it. */
  #forgetTopics(heads) {
    const known = new Set(heads.map(([topic]) => topic));
    for (const topic of this.due.keys()) if (!known.has(topic) && !this.held.has(topic)) this.due.delete(topic);
  }

  #lose(topic, until, reason) {
    const due = this.#dueOf(topic);
    if (until <= due) return [];
    this.due.set(topic, until);
    if (reason === "ring_exceeded") this.lost.set(topic, { from: this.lost.get(topic)?.from ?? due, until });
    return [{ lost: topic, count: until - due, reason }];
  }

  #fetch(topic, last) {
    if (this.asked.has(topic)) return [];
    const first = this.#dueOf(topic);
    this.asked.set(topic, { first, last, waited: 0 });
    return [{ fetch: topic, first, last }];
  }

  /** Request what lies before the first run that is held. */
  #fetchHole(topic) {
    const held = this.held.get(topic);
    return held ? this.#fetch(topic, held[0].number - 1) : [];
  }

  /** Take what was held and is due now. */
  #release(topic) {
    const held = this.held.get(topic);
    if (!held) return [];
    const steps = [];
    let taken = 0;
    while (taken < held.length && held[taken].number <= this.#dueOf(topic)) steps.push(...this.#take(held[taken++]));
    for (const { body } of held.splice(0, taken)) this.#heldBytes -= body.length;
    if (!held.length) this.held.delete(topic);
    return steps;
  }

  /** Take a run that begins at the due number or before it, and compare it with the publisher's own count. */
  #take(run) {
    const due = this.#dueOf(run.topic);
    if (run.number + run.count <= due) return [];
    this.due.set(run.topic, run.number + run.count);
    const source = `${run.topic} ${run.instance}`;
    const seen = this.#seenBefore.get(source) ?? 0;
    const first = run.source_number + due - run.number;
    const last = run.source_number + run.count - 1;
    const steps = [];
    if (last > seen && !this.compared.has(source)) {
      this.compared.add(source);
      if (seen && run.key === null && first > seen + 1) steps.push({ lost: run.topic, count: first - seen - 1, reason: "broker_restarted" });
    }
    this.#note(run, last);
    const skip = due - run.number + Math.max(0, seen + 1 - first);
    return skip < run.count ? [...steps, { hear: { ...run, skip }, retained: false }] : steps;
  }

  #note(run, last) {
    const source = `${run.topic} ${run.instance}`;
    const seen = this.#seen.get(source) ?? 0;
    if (seen) this.#seen.delete(source); // so that it counts as the newest
    this.#seen.set(source, Math.max(last, seen));
    if (this.#seen.size <= SOURCE_LIMIT) return;
    const oldest = this.#seen.keys().next().value;
    this.#seen.delete(oldest);
    this.compared.delete(oldest);
  }
}

/** Of a run in a snapshot, the last event is the retained one. */
const asRetained = (run) => ({ hear: { ...run, skip: run.count - 1 }, retained: true });
