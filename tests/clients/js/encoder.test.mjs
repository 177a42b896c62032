// What is sent arrives as what it was; what would arrive as something else is refused.
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEPTH_LIMIT, unpack } from "../../../clients/js/decoder.js";
import { Unsendable, pack, packRun } from "../../../clients/js/encoder.js";
import { randomOf, randomValue } from "./support/random_values.mjs";

const refusal = (value, limit) => {
  try {
    pack(value, limit);
  } catch (error) {
    assert.ok(error instanceof Unsendable, error.stack);
    return error;
  }
  return assert.fail("it was packed");
};

test("whatever may stand in an event comes back as it was", () => {
  const random = randomOf(1);
  for (let i = 0; i < 5000; i++) {
    const value = randomValue(random);
    assert.deepEqual(unpack(pack(value)), value);
  }
});

test("every number has the shortest form that keeps it", () => {
  for (const [value, hex] of [
    [127, "7f"],
    [128, "cc80"],
    [-32, "e0"],
    [-33, "d0df"],
    [65536, "ce00010000"],
    [2 ** 53 - 1, "cf001fffffffffffff"],
    [2 ** 53, "cb4340000000000000"],
    [2n ** 53n, "cf0020000000000000"],
    [5n, "05"],
    [-0, "cb8000000000000000"],
    [1.5, "cb3ff8000000000000"],
  ])
    assert.equal(pack(value).toString("hex"), hex, String(value));
});

test("all kinds of bytes are bytes", () => {
  const memory = new Uint8Array([1, 2, 3, 4]).buffer;
  for (const value of [Buffer.from([2, 3]), new Uint8Array(memory, 1, 2), new DataView(memory, 1, 2), new Int8Array(memory, 1, 2)])
    assert.deepEqual(unpack(pack(value)), new Uint8Array([2, 3]));
  assert.deepEqual(unpack(pack(memory)), new Uint8Array([1, 2, 3, 4]));
  for (const size of [255, 256, 65_535, 65_536]) assert.equal(unpack(pack(new Uint8Array(size))).length, size);
});

test("a field that is undefined is not there", () => {
  assert.deepEqual(unpack(pack({ a: undefined, b: 1 })), { b: 1 });
});

test("objects of a class are maps of their fields", () => {
  class Note {
    type = "app.note";
    #secret = 1;
    get secret() {
      return this.#secret;
    }
  }
  assert.deepEqual(unpack(pack(new Note())), { type: "app.note" });
  assert.deepEqual(unpack(pack(Object.assign(Object.create(null), { a: 1 }))), { a: 1 });
});

test("what would arrive as something else is refused, with its place", () => {
  for (const [value, words] of [
    [new Map([["a", 1]]), /^a\.b\[1\] is a Map/],
    [new Set([1]), /is a Set/],
    [new WeakMap(), /is a WeakMap/],
    [new Date(), /is a Date/],
    [/x/, /is a RegExp/],
    [new Error("x"), /is an Error/],
    [Promise.resolve(1), /is a Promise/],
    [new URL("http://localhost/"), /is a URL/],
    [Object(1), /is a Number/],
    [Object("text"), /is a String/],
    [undefined, /is undefined/],
    [() => 1, /is a function/],
    [class A {}, /is a function/],
    [Symbol("x"), /is a symbol/],
    [2n ** 64n, /more than 64 bits/],
    [-(2n ** 63n) - 1n, /more than 64 bits/],
    ["\ud800", /half a surrogate pair/],
    [{ "\udfff": 1 }, /half a surrogate pair/],
  ]) {
    const error = refusal({ type: "app.a", a: { b: [1, value] } });
    assert.equal(error.reason, "unsendable");
    assert.match(error.message, words);
  }
});

test("a field that is a function or a symbol is refused as well", () => {
  assert.match(refusal({ type: "app.a", run() {} }).message, /^run is a function/);
  assert.match(refusal({ type: "app.a", mark: Symbol("x") }).message, /^mark is a symbol/);
});

test("what holds itself is refused", () => {
  const value = { type: "app.a" };
  value.self = value;
  assert.match(refusal(value).message, /holds itself/);
});

test("it nests as deep as the page says, and no deeper", () => {
  const nested = (levels) => (levels ? [nested(levels - 1)] : null);
  assert.doesNotThrow(() => pack(nested(DEPTH_LIMIT)));
  refusal(nested(DEPTH_LIMIT + 1));
});

test("the size is counted before it is sent", () => {
  const limit = 1000;
  const exact = { a: "x".repeat(limit - 1 - 2 - 3) };
  assert.equal(pack(exact, limit).length, limit);
  assert.equal(packRun(exact, limit).length, limit + 1);
  for (const value of [{ a: `${exact.a}x` }, new Array(limit).fill(0), new Uint8Array(limit), { a: "x".repeat(1e6) }]) {
    const error = refusal(value, limit);
    assert.equal(error.reason, "oversize");
    assert.match(error.message, /more than 1000 bytes/);
  }
});

test("a getter that packs something itself disturbs nothing", () => {
  const value = {
    type: "app.a",
    get inner() {
      return pack({ b: 2 }).length;
    },
    last: 1,
  };
  assert.deepEqual(unpack(pack(value)), { type: "app.a", inner: 4, last: 1 });
});

test("a getter that throws throws its own error, and the next value is packed", () => {
  const broken = {
    get a() {
      throw new RangeError("mine");
    },
  };
  assert.throws(() => pack(broken), RangeError);
  assert.deepEqual(unpack(pack({ a: 1 })), { a: 1 });
});

test("what was packed before stays as it is", () => {
  const first = pack({ a: 1 });
  pack({ b: 2 });
  assert.deepEqual(unpack(first), { a: 1 });
});
