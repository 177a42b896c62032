// A server that changes its state, answers at once or late, and restarts, followed by another client of the same runtime. Prints the end of it.
import assert from "node:assert/strict";
import { setImmediate, setTimeout } from "node:timers/promises";
import { connect } from "../../../../clients/js/index.js";
import { pick, randomOf } from "./random_values.mjs";

const KEYS = Array.from({ length: 20 }, (_, i) => `k${i}`);
const CHANGES = Number(process.argv[2] ?? 400);
const random = randomOf(Number(process.argv[3] ?? 1));
const state = {};
let value = 0;
let server;

async function start() {
  server = await connect({ name: "story-server" });
  await server.serve("app.list", async () => {
    if (random() < 0.5) return { type: "app.listed", state: { ...state } };
    const isEarly = random() < 0.5;
    const early = { ...state };
    await setTimeout(random() * 5);
    return { type: "app.listed", state: isEarly ? early : { ...state } };
  });
}

function change() {
  const key = pick(random, KEYS);
  value += 1;
  state[key] = value;
  return server.publish({ type: "app.changed", key, value });
}

const follower = await connect();
const shown = { state: {}, replies: 0, events: 0 };
await start();
const following = (async () => {
  for await (const { kind, event } of follower.askThenFollow({ type: "app.list" }, "app.changed")) {
    if (kind === "reply") {
      shown.state = event.state;
      shown.replies += 1;
    } else {
      shown.state[event.key] = event.value;
      shown.events += 1;
    }
  }
})();
for (let i = 1; i <= CHANGES; i++) {
  const changed = change();
  if (random() < 0.3) await changed;
  if (random() < 0.1) await setImmediate();
  if (i % (CHANGES / 4) === 0) {
    await changed;
    while (shown.replies < (4 * i) / CHANGES) await setTimeout(1); // it has asked the former life of the server
    await server.close({ returning: true });
    delete state[pick(random, KEYS)]; // what it knew is gone, and nobody is told
    await start();
  }
}
await change();
const isSame = () => JSON.stringify(Object.entries(shown.state).sort()) === JSON.stringify(Object.entries(state).sort());
while (!isSame()) await setTimeout(5);
await setTimeout(50); // nothing old comes behind it
assert.ok(isSame());
await follower.close();
await server.close();
await following;
console.log(JSON.stringify({ replies: shown.replies, events: shown.events }));
