// What may stand in an event is read exactly; everything else is unreadable, and nothing else is thrown.
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEPTH_LIMIT, Unreadable, unpack, unpackEvent, unpackEvents } from "../../../clients/js/decoder.js";
import { pack } from "../../../clients/js/encoder.js";
import { randomBytesOf, randomOf, randomValue } from "./support/random_values.mjs";

const bytes = (...parts) => Buffer.concat(parts.map((part) => (typeof part === "number" ? Buffer.from([part]) : Buffer.from(part))));
const run = (...events) => bytes(0x90 | events.length, ...events);
const event = (n) => pack({ n });
const TIMESTAMP = bytes(0xd6, 0xff, 0, 0, 0, 1);

test("integers are exact, beyond 2^53 as BigInt", () => {
  for (const [hex, expected] of [
    ["7f", 127],
    ["e0", -32],
    ["ccff", 255],
    ["cdffff", 65535],
    ["ceffffffff", 4294967295],
    ["cf001fffffffffffff", Number.MAX_SAFE_INTEGER],
    ["cf0020000000000000", 2n ** 53n],
    ["cfffffffffffffffff", 2n ** 64n - 1n],
    ["d080", -128],
    ["d18000", -32768],
    ["d280000000", -2147483648],
    ["d3ffe0000000000001", Number.MIN_SAFE_INTEGER],
    ["d3ffe0000000000000", -(2n ** 53n)],
    ["d38000000000000000", -(2n ** 63n)],
  ])
    assert.equal(unpack(Buffer.from(hex, "hex")), expected, hex);
});

test("numbers with a fraction, not-a-number and infinities are as they are", () => {
  assert.equal(unpack(Buffer.from("cb3ff8000000000000", "hex")), 1.5);
  assert.equal(unpack(Buffer.from("ca3fc00000", "hex")), 1.5);
  assert.ok(Number.isNaN(unpack(Buffer.from("cb7ff8000000000000", "hex"))));
  assert.equal(unpack(Buffer.from("cbfff0000000000000", "hex")), -Infinity);
  assert.ok(Object.is(unpack(Buffer.from("cb8000000000000000", "hex")), -0));
});

test("bytes are a Uint8Array of their own", () => {
  const source = bytes(0xc4, 2, 7, 8);
  const found = unpack(source);
  assert.equal(Object.getPrototypeOf(found), Uint8Array.prototype);
  source[2] = 0;
  assert.deepEqual([...found], [7, 8]);
});

test("keys that every object inherits become fields of their own, and change nothing else", () => {
  const names = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "__defineGetter__", "valueOf"];
  for (const name of names) {
    const found = unpack(bytes(0x81, pack(name), pack({ polluted: true })));
    assert.deepEqual(Object.keys(found), [name]);
    assert.deepEqual(found[name], { polluted: true });
    assert.equal(Object.getPrototypeOf(found), Object.prototype);
  }
  assert.equal({}.polluted, undefined);
});

test("they do so where the prototype of all objects is frozen", async () => {
  const { execFileSync } = await import("node:child_process");
  const module = new URL("../../../clients/js/decoder.js", import.meta.url);
  const program = `import { unpack } from "${module}"; Object.freeze(Object.prototype);
    console.log(JSON.stringify(unpack(Buffer.from("82a8746f537472696e6701a95f5f70726f746f5f5f02", "hex"))));`;
  const said = execFileSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" });
  assert.equal(said.trim(), '{"toString":1,"__proto__":2}');
});

test("of equal keys the last one counts", () => {
  assert.deepEqual(unpack(bytes(0x82, pack("a"), 1, pack("a"), 2)), { a: 2 });
});

test("what is not allowed is unreadable", () => {
  for (const [name, found] of [
    ["a timestamp", TIMESTAMP],
    ["an extension", bytes(0xc7, 0, 5)],
    ["an extension within", bytes(0x81, pack("a"), TIMESTAMP)],
    ["a key that is a number", bytes(0x81, 1, 2)],
    ["a key that is true", bytes(0x81, 0xc3, 2)],
    ["a key that is nil", bytes(0x81, 0xc0, 2)],
    ["a key that is bytes", bytes(0x81, 0xc4, 1, 7, 2)],
    ["a short text that is no UTF-8", bytes(0xa1, 0xff)],
    ["a long text that is no UTF-8", bytes(0xd9, 40, Buffer.alloc(40, 0xc3))],
    ["half a surrogate pair", bytes(0xa3, 0xed, 0xa0, 0x80)],
    ["a key that is no UTF-8", bytes(0x81, 0xa1, 0xff, 1)],
    ["a tag that is never used", bytes(0xc1)],
    ["a text that is cut off", bytes(0xa5, 0x61)],
    ["an array that promises four billion values", bytes(0xdd, 0xff, 0xff, 0xff, 0xff)],
    ["a map that promises four billion values", bytes(0xdf, 0xff, 0xff, 0xff, 0xff)],
    ["bytes that promise four billion", bytes(0xc6, 0xff, 0xff, 0xff, 0xff)],
    ["two values", bytes(1, 2)],
    ["nothing", bytes()],
  ])
    assert.throws(() => unpack(found), Unreadable, name);
});

test("values nest as deep as the page says, and no deeper", () => {
  const nested = (levels) => bytes(Buffer.alloc(levels, 0x91), 0xc0);
  assert.doesNotThrow(() => unpack(nested(DEPTH_LIMIT)));
  assert.throws(() => unpack(nested(DEPTH_LIMIT + 1)), Unreadable);
  assert.throws(() => unpack(nested(5_000_000)), Unreadable);
});

test("an event is a map", () => {
  assert.deepEqual(unpackEvent(pack({ type: "app.a" })), { type: "app.a" });
  for (const found of [null, [], "text", 7, new Uint8Array(3)]) assert.throws(() => unpackEvent(pack(found)), Unreadable);
});

test("of a run the unreadable events are null, and the others are there", () => {
  const deep = bytes(0x81, pack("a"), Buffer.alloc(100_000, 0x91), 0xc0);
  for (const bad of [TIMESTAMP, bytes(0x81, 1, 2), pack([]), pack("text"), pack(null), deep, bytes(0x81, pack("a"), 0xa1, 0xff)])
    assert.deepEqual(unpackEvents(run(event(1), bad, event(3)), 3), [{ n: 1 }, null, { n: 3 }]);
});

test("of a run that is cut off the beginning is there", () => {
  assert.deepEqual(unpackEvents(run(event(1), event(2)).subarray(0, -2), 2), [{ n: 1 }, null]);
});

test("a run with another number of events than its header says is unreadable", () => {
  assert.deepEqual(unpackEvents(run(event(1)), 2), [null, null]);
  assert.deepEqual(unpackEvents(pack({ n: 1 }), 1), [null]);
  assert.deepEqual(unpackEvents(bytes(), 1), [null]);
});

test("events before the first one that counts are passed over, whatever they are", () => {
  assert.deepEqual(unpackEvents(run(TIMESTAMP, event(2), event(3)), 3, 2), [{ n: 3 }]);
  assert.deepEqual(unpackEvents(bytes(0x92, 0xa5), 2, 1), [null]);
});

test("no bytes make it throw anything but Unreadable", () => {
  const random = randomOf(7);
  for (let i = 0; i < 30_000; i++) {
    const found = i % 2 ? randomBytesOf(random, 40) : mutated(random, pack(randomValue(random)));
    try {
      unpack(found);
    } catch (error) {
      assert.ok(error instanceof Unreadable, `${found.toString("hex")}: ${error.stack}`);
    }
    assert.equal(unpackEvents(found, 3).length, 3);
  }
});

function mutated(random, found) {
  for (let i = 0; i < 2; i++) found[Math.trunc(random() * found.length)] = Math.trunc(random() * 256);
  return found;
}
