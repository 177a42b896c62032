// Asks for a state and follows its changes as one stream: the shell around ReplyMerge.
import { RequestFailed } from "./errors.js";
import { JOINED_TOPIC, ReplyMerge } from "./reply_merge.js";

/**
 * Subscribe first, then ask; hand on the reply, then the events that are not in it. `ways`: subscribe(patterns), ask(),
 * isBefore(ordering, epoch, other).
 */
export async function* askThenFollow(patterns, { subscribe, ask, isBefore }) {
  const subscription = await subscribe([...new Set([...patterns, JOINED_TOPIC])]);
  const { ordering } = subscription;
  const merge = new ReplyMerge(wanted(patterns), (epoch, other) => isBefore(ordering, epoch, other));
  let [asking, taking] = [null, null];
  try {
    while (true) {
      const delay = merge.delay(performance.now());
      if (delay === 0) {
        merge.asked();
        asking = outcomeOf(ask());
      }
      if (!merge.isFull) taking ??= subscription._take();
      const came = await earliest({ asking, taking: merge.isFull ? null : taking, delay });
      if (came.taken !== undefined) {
        taking = null;
        const { event, run, sequence } = came.taken;
        if (run) yield* merge.heard(event, { ...run, sequence });
        else merge.lost();
      } else if (came.isOver) return;
      else if (came.answer) {
        asking = null;
        yield* settled(merge, came.answer, subscription);
      }
    }
  } finally {
    subscription.close();
    Promise.resolve(taking).catch(() => {});
  }
}

/** What follows from the outcome of a request. Throws its error if asking again would not help. */
function settled(merge, { reply, error }, subscription) {
  if (!error) return merge.replied(reply, reply.event);
  const released = error instanceof RequestFailed ? merge.failed(error.kind, performance.now()) : null;
  if (released === null) throw subscription._failure ?? error;
  return released;
}

function wanted(patterns) {
  return (topic) => patterns.some((pattern) => (pattern.endsWith("*") ? topic.startsWith(pattern.slice(0, -1)) : topic === pattern));
}

const outcomeOf = (promise) =>
  promise.then(
    (reply) => ({ answer: { reply } }),
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
