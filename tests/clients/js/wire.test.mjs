// Each field of what the broker sends is checked, and the golden frames of the page are read.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Unreadable, unpack } from "../../../clients/js/decoder.js";
import { pack } from "../../../clients/js/encoder.js";
import { readHeader, readHeartbeat, readId, readRun, readRuns, readText } from "../../../clients/js/wire.js";
import { framesOf, run } from "./support/runs.mjs";

/** Name of each message to its frames, from the end of the protocol page. */
function goldenFrames() {
  const page = readFileSync(new URL("../../../bus/PROTOCOL.md", import.meta.url), "utf8");
  const found = {};
  let frames;
  for (const line of page.match(/```golden\n(.*?)```/s)[1].split("\n")) {
    if (line.startsWith("  ")) frames.push(Buffer.from(line.trim(), "hex"));
    else if (line) frames = found[line.split(" (")[0]] = [];
  }
  return found;
}

test("the golden frames of the broker are read", () => {
  const golden = goldenFrames();
  const read = (name) => readHeader(readText(golden[name][0]), golden[name][1]);
  assert.equal(read("welcome").role, "named");
  assert.deepEqual(read("accepted"), { serial: 1, behind: 0 });
  assert.equal(read("request_forwarded").source, "tray-icon");
  assert.deepEqual(read("replied"), { id: 7, epoch: "0123456789abcdef", sequence: 42, source: "config_store" });
  assert.equal(read("failed").kind, "no_responder");
  assert.deepEqual(read("replayed"), { id: 8, topic: "config.settings_changed", lost: 0, next: 4, epoch: "0123456789abcdef" });
  assert.deepEqual(read("snapshotted").heads, [["config.settings_changed", 3]]);
  assert.equal(read("pong").accepted, 1);
  assert.equal(readRun(golden.feed).source, "config_store");
  assert.deepEqual(readHeartbeat(golden.feed_heartbeat).heads, [["config.settings_changed", 3]]);
  assert.deepEqual(readRuns(golden.snapshotted).runs.length, 1);
});

test("the golden frames of a client are what this one writes", () => {
  for (const [name, frames] of Object.entries(goldenFrames())) {
    const header = frames[1];
    if (header && !name.startsWith("feed")) assert.deepEqual(pack(unpack(header)), header, name);
  }
});

test("fields that are left out have their default, and further ones are ignored", () => {
  assert.deepEqual(readHeader("ACCEPTED", pack([3])), { serial: 3, behind: 0 });
  assert.deepEqual(readHeader("PONG", pack([3, "e", 4, "later", { more: 1 }])), { id: 3, epoch: "e", accepted: 4 });
  assert.equal(readHeader("FAILED", pack([3, "died", "gone"])).verb, "REQUEST");
});

test("a verb of a later version is none", () => {
  for (const verb of ["LATER", "", "__proto__", "constructor", "toString"]) assert.equal(readHeader(verb, pack([1])), null);
});

test("a header that makes no sense is unreadable", () => {
  for (const [verb, header] of [
    ["WELCOME", pack([2, 7, 0, 0])],
    ["WELCOME", pack([2, "e"])],
    ["ACCEPTED", pack([-1])],
    ["ACCEPTED", pack([2n ** 60n])],
    ["ACCEPTED", pack({ 0: 1 })],
    ["FAILED", pack([1, "died"])],
    ["SNAPSHOT", pack([1, "e", 0, { a: -1 }, 0])],
    ["SNAPSHOT", pack([1, "e", 0, [], 0])],
    ["REPLY", Buffer.alloc(0)],
    ["REPLY", undefined],
  ])
    assert.throws(() => readHeader(verb, header), Unreadable, `${verb} ${header?.toString("hex")}`);
});

test("an id beyond 2^53 comes back exactly", () => {
  const { id } = readHeader("PING", pack([2n ** 63n + 1n]));
  assert.deepEqual(pack([id]), pack([2n ** 63n + 1n]));
});

test("the id of a header whose other fields make no sense is still known", () => {
  assert.equal(readId(pack([7, new Map() && null])), 7);
  assert.equal(readId(pack(["seven"])), null);
  assert.equal(readId(Buffer.from([0xc1])), null);
  assert.equal(readId(undefined), null);
});

test("a topic named __proto__ in the heads is a topic", () => {
  const heads = Buffer.concat([Buffer.from([0x81]), pack("__proto__"), Buffer.from([5])]);
  assert.deepEqual(readHeartbeat([Buffer.from("!heartbeat"), pack(["e", 1]), heads]).heads, [["__proto__", 5]]);
});

test("of the feed messages in an answer the readable ones are there, and the others are counted", () => {
  const good = framesOf(run(1));
  const bad = [good[0], pack(["e", 0]), good[2]];
  const { runs, unreadable } = readRuns([Buffer.from("REPLAY"), pack([1]), ...good, ...bad, ...good, good[0]]);
  assert.deepEqual([runs.length, unreadable], [2, 1]);
});

test("a run of more events than a run may have is unreadable", () => {
  assert.throws(() => readRun(framesOf({ ...run(1), count: 65_537 })), Unreadable);
  assert.throws(() => readRun(framesOf({ ...run(1), count: 0 })), Unreadable);
  assert.throws(() => readRun([Buffer.from([0xff]), ...framesOf(run(1)).slice(1)]), Unreadable);
  assert.throws(() => readRun([Buffer.from("app.a")]), Unreadable);
});
