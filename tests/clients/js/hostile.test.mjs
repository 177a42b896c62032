// A process lives on, whatever arrives on its two sockets: 100,000 messages by chance, or with something changed.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { pack } from "../../../clients/js/encoder.js";
import { FakeBroker } from "./support/fake_broker.mjs";
import { randomFrames } from "./support/random_frames.mjs";
import { randomOf } from "./support/random_values.mjs";
import { run } from "./support/runs.mjs";

const MESSAGES = 100_000;
const BATCH = 2_500;
const MEBIBYTE = 1024 * 1024;
const ROOM_MEBIBYTES = 16;

let broker;
before(async () => (broker = await FakeBroker.start()));
after(() => broker.stop());

/** Wait until the client has taken all that was sent to it, on both sockets. */
async function caughtUp(subscription, number) {
  broker.said.length = 0;
  await broker.say("me", "WELCOME", [2, `after ${number}`, 0, 0]);
  await broker.say("me", "REQUEST", [number, "app.alive", 1000, null, "asker"], pack({ type: "app.alive" }));
  await broker.heard("REPLY");
  await broker.publish(run(1, { topic: "app.mark", epoch: `after ${number}`, instance: `i${number}`, key: "mark" }));
  while ((await subscription.next()).type !== "app.mark");
}

setFlagsFromString("--expose_gc");
const collectGarbage = runInNewContext("gc");

function usedMebibytes() {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / MEBIBYTE;
}

test("100,000 messages of a hostile broker end nothing, and memory stays flat", { timeout: 180_000 }, async () => {
  const random = randomOf(11);
  const client = await broker.client("me");
  const [mark, everything] = [await client.subscribe("app.mark"), await client.subscribe("*")];
  broker.answers.REPLAY = ({ header: [id, topic, , last] }) => broker.say("me", "REPLAY", [id, topic, 0, last + 1, client.epoch]);
  await client.serve("app.alive", () => ({ type: "app.lives" }));
  await client.serve("app.a", (request) => request);
  const failed = { count: 0 };
  const drained = (async () => {
    for await (const event of everything) assert.equal(typeof event, "object");
  })();
  let settled = 0;
  for (let sent = 0; sent < MESSAGES; sent += BATCH) {
    for (const attempt of [client.request({ type: "app.ask" }, { timeoutSeconds: 60 }), client.publish({ type: "app.a" })])
      attempt.catch(() => (failed.count += 1)).then(() => {});
    for (let i = 0; i < BATCH; i++) {
      const frames = randomFrames(random).filter((frame) => frame.length);
      if (i % 2) await broker.sayFrames("me", frames);
      else if (frames.length) await broker.publishFrames(frames);
    }
    await caughtUp(mark, sent + 1);
    if (sent + BATCH === MESSAGES / 4) settled = usedMebibytes();
  }
  broker.said.length = 0;
  const grown = usedMebibytes() - settled;
  assert.ok(grown < ROOM_MEBIBYTES, `memory grew by ${grown} MiB`);
  assert.equal(client.statistics.faults, 0);
  assert.ok(client.statistics.unreadable > 1000);
  await client.close();
  await drained;
});
