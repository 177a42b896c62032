// Feed messages for tests.
import { pack } from "../../../../clients/js/encoder.js";

export const TOPIC = "app.numbered";

/** A run whose events bear the numbers that their publisher gave them. */
export function run(number, { count = 1, epoch = "e1", topic = TOPIC, instance = "i", sourceNumber = number, key = null, ...more } = {}) {
  const events = Array.from({ length: count }, (_, i) => ({ type: topic, n: sourceNumber + i }));
  return {
    topic,
    body: pack(events),
    skip: 0,
    epoch,
    sequence: number,
    number,
    count,
    time_ns: 0,
    source: "publisher",
    instance,
    source_number: sourceNumber,
    key,
    correlation: null,
    ...more,
  };
}

/** The three frames of a run. */
export function framesOf({ topic, body, epoch, sequence, number, count, time_ns, source, instance, source_number, key, correlation }) {
  const header = [epoch, sequence, number, count, time_ns, source, instance, source_number, key, correlation];
  return [Buffer.from(topic), pack(header), Buffer.from(body)];
}
