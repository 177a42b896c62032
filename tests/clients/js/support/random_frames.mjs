// Frames that a broker with a fault, or a peer that means ill, might cause.
import { pack } from "../../../../clients/js/encoder.js";
import { pick, randomBytesOf, randomValue } from "./random_values.mjs";
import { framesOf, run } from "./runs.mjs";

const VERBS = ["WELCOME", "ACCEPTED", "SERVE", "REQUEST", "REPLY", "FAILED", "CANCEL", "REPLAY", "SNAPSHOT", "PING", "PONG", "LATER", "__proto__"];

/** Frames of the lane or the feed: by chance, or those of a broker with something changed. */
export function randomFrames(random) {
  if (random() < 0.1) return Array.from({ length: Math.trunc(random() * 5) }, () => randomBytesOf(random, 30));
  if (random() < 0.4) return mutated(random, framesOf(run(1 + Math.trunc(random() * 20), { count: 1 + Math.trunc(random() * 3) })));
  const small = () => (random() < 0.8 ? pick(random, [0, 1, 2, 3, "e1", "e2", "app.a", "refused", "x: y", "REPLY", "HELLO", null, {}, []]) : randomValue(random));
  const header = Array.from({ length: Math.trunc(random() * 8) }, small);
  if (header.includes("HELLO")) header[header.indexOf("HELLO")] = "REPLY"; // a refusal that is final ends the test early
  const body = random() < 0.5 ? framesOf(run(1)) : [pack(randomValue(random))];
  return mutated(random, [Buffer.from(pick(random, VERBS)), pack(header), ...body]);
}

function mutated(random, frames) {
  if (random() < 0.3) return frames.slice(0, Math.trunc(random() * (frames.length + 1)));
  if (random() < 0.5) return frames;
  const frame = pick(random, frames);
  if (frame.length) frame[Math.trunc(random() * frame.length)] = Math.trunc(random() * 256);
  return frames;
}
