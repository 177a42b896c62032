// Values and bytes by chance, the same ones for the same seed.

/** Numbers from 0 to 1 (mulberry32). */
export function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const pick = (random, values) => values[Math.trunc(random() * values.length)];

export function randomBytesOf(random, most) {
  const found = Buffer.alloc(Math.trunc(random() * (most + 1)));
  for (let i = 0; i < found.length; i++) found[i] = Math.trunc(random() * 256);
  return found;
}

const TEXTS = ["", "a", "type", "__proto__", "Grüße 日本 🙂", "x".repeat(31), "x".repeat(32), "ü".repeat(200), "y".repeat(70_000)];
const NUMBERS = [0, 1, -1, 127, 128, -32, -33, 255, 256, 65535, 65536, 2 ** 32, -(2 ** 31) - 1, 2 ** 53 - 1, 1.5, NaN, Infinity, -0, 1e300];
const LARGE = [2n ** 53n, 2n ** 64n - 1n, -(2n ** 63n)];

/** Anything that may stand in an event. */
export function randomValue(random, depth = 0) {
  switch (Math.trunc(random() * (depth < 4 ? 8 : 6))) {
    case 0:
      return null;
    case 1:
      return random() < 0.5;
    case 2:
      return pick(random, NUMBERS);
    case 3:
      return pick(random, LARGE);
    case 4:
      return pick(random, random() < 0.02 ? TEXTS : TEXTS.slice(0, -1));
    case 5:
      return new Uint8Array(randomBytesOf(random, 20));
    case 6:
      return Array.from({ length: Math.trunc(random() * 5) }, () => randomValue(random, depth + 1));
    default:
      return randomMap(random, depth + 1);
  }
}

function randomMap(random, depth) {
  const found = {};
  for (let i = Math.trunc(random() * 5); i > 0; i--) {
    const field = { value: randomValue(random, depth), enumerable: true, writable: true, configurable: true };
    Object.defineProperty(found, pick(random, TEXTS.slice(0, -1)), field);
  }
  return found;
}
