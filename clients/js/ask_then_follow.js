// Asks for a state and follows its changes as one stream: the shell around ReplyMerge.
import { unpackEvents } from "./decoder.js";
import { RequestFailed } from "./errors.js";
import { JOINED_TOPIC, ReplyMerge } from "./reply_merge.js";

/**
 * Subscribe first, then ask; hand on the reply, then the events that are not in it. `ways`: subscribe(patterns), ask(), retained(patterns),
 * isBefore(ordering, epoch, other).
 */
export async function* askThenFollow(patterns, { subscribe, ask, retained, isBefore }) {
  const subscription = await subscribe([...new Set([...patterns, JOINED_TOPIC])]);
  const { ordering } = subscription;
  const merge = new ReplyMerge(wanted(patterns), (epoch, other) => isBefore(ordering, epoch, other));
  let [asking, taking] = [null, null];
  try {
    while (true) {
      const delay = merge.delay(performance.now());
      if (delay === 0) {
        const isFirst = !merge.hasReply;
        merge.asked();
        asking = outcomeOf(Promise.all([ask(), isFirst ? [] : retained(patterns)]));
      }
      if (!merge.isFull) taking ??= subscription._take();
      const came = await earliest({ asking, taking: merge.isFull ? null : taking, delay });
      if (came.taken !== undefined) {
        taking = null;
        const { event, run } = came.taken;
        if (run) yield* merge.heard(event, run);
        else merge.lost();
      } else if (came.isOver) return;
      else if (came.answer) {
        asking = null;
        yield* settled(merge, came.answer);
      }
    }
  } finally {
    subscription.close();
    Promise.resolve(taking).catch(() => {});
  }
}

/** What follows from the outcome of a request. Throws its error if asking again would not help. */
function settled(merge, { values, error }) {
  if (!error) {
    const [{ event, ...place }, runs] = values;
    return merge.replied(place, event, runs.flatMap(eventsOf));
  }
  const released = error instanceof RequestFailed ? merge.failed(error.kind, performance.now()) : null;
  if (released === null) throw error;
  return released;
}

/** The retained event of a run, unless it cannot be read. */
function eventsOf(run) {
  const [event] = unpackEvents(run.body, run.count, run.count - 1);
  return event === null ? [] : [{ event, run }];
}

function wanted(patterns) {
  return (topic) => patterns.some((pattern) => (pattern.endsWith("*") ? topic.startsWith(pattern.slice(0, -1)) : topic === pattern));
}

const outcomeOf = (promise) =>
  promise.then(
    (values) => ({ answer: { values } }),
    (error) => ({ answer: { error } }),
  );

/** Whatever comes first: an answer, an event, or the time to ask again. */
async function earliest({ asking, taking, delay }) {
  if (taking && !(taking instanceof Promise)) return { taken: taking };
  const isTaken = taking?.then((taken) => (taken === undefined ? { isOver: true } : { taken }));
  if (!asking && !delay) return isTaken;
  let timer;
  const waits = [asking, isTaken];
  if (!asking) waits.push(new Promise((resolve) => (timer = setTimeout(resolve, delay, {}))));
  try {
    return await Promise.race(waits.filter(Boolean));
  } finally {
    clearTimeout(timer);
  }
}
