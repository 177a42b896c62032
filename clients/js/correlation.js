// Ids that follow one matter through all processes: what a handler publishes and asks carries the id of its request.
import { AsyncLocalStorage } from "node:async_hooks";

const current = new AsyncLocalStorage();
const known = new WeakMap(); // event or request -> its correlation

/** The correlation with which an event or a request came, or of the request that a reply answers; null: it had none. */
export function correlationOf(event) {
  return known.get(event) ?? null;
}

/** The correlation that is in force here; null: none is. */
export function currentCorrelation() {
  return current.getStore() ?? null;
}

/** Call `run`; what it publishes and asks meanwhile carries this correlation, or that of this event. */
export function withCorrelation(correlation, run) {
  return current.run(typeof correlation === "object" && correlation !== null ? correlationOf(correlation) : correlation, run);
}

/** Remember with which correlation an event came. */
export function noteCorrelation(event, correlation) {
  known.set(event, correlation);
}
