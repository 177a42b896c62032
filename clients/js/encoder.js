// Writes MessagePack, and refuses what would arrive as something else. Pure.
import { DEPTH_LIMIT } from "./decoder.js";

const FIRST_BYTES = 4096;
const KEPT_BYTES = 1024 * 1024;
const LEAST_INTEGER = -(2n ** 63n);
const GREATEST_INTEGER = 2n ** 64n - 1n;

/** A value that cannot be sent. `reason`: `oversize` or `unsendable`. */
export class Unsendable extends Error {
  constructor(reason, detail) {
    super(detail);
    this.reason = reason;
  }
}

/** The bytes of a value, at most so many. Throws Unsendable. */
export function pack(value, limitBytes = Infinity) {
  return encoded(value, limitBytes, false);
}

/** The body of a PUBLISH: an array that holds one event, of at most so many bytes. Throws Unsendable. */
export function packRun(event, limitBytes) {
  return encoded(event, limitBytes, true);
}

function encoded(value, limitBytes, isRun) {
  const encoder = idle ?? new Encoder();
  idle = null; // a getter of the value may send something itself
  try {
    return encoder.encoded(value, limitBytes, isRun);
  } finally {
    idle = encoder;
  }
}

let idle = null;

class Encoder {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #at = 0;
  #limit = Infinity;
  #trail = []; // where in the value we are: names of fields and numbers of elements
  #depth = 0;

  encoded(value, limitBytes, isRun) {
    [this.#at, this.#limit, this.#depth] = [0, limitBytes, 0];
    if (isRun) this.#byte(0x91);
    const start = this.#at;
    this.#write(value);
    if (this.#at - start > limitBytes) this.#refuseSize();
    const found = Buffer.from(this.#bytes.subarray(0, this.#at));
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
    return found;
  }

  #write(value) {
    switch (typeof value) {
      case "string":
        return this.#text(value);
      case "number":
        return Number.isSafeInteger(value) && !Object.is(value, -0) ? this.#integer(value) : this.#float(value);
      case "boolean":
        return this.#byte(value ? 0xc3 : 0xc2);
      case "bigint":
        return this.#bigint(value);
      case "object":
        if (value === null) return this.#byte(0xc0);
        if (Array.isArray(value)) return this.#array(value);
        return ArrayBuffer.isView(value) || value instanceof ArrayBuffer ? this.#bin(value) : this.#map(value);
      default:
        return this.#refuse(value === undefined ? "is undefined" : `is a ${typeof value}`);
    }
  }

  #array(values) {
    this.#open();
    this.#head(values.length, 0x90, 0x0f, 0xdc);
    for (let i = 0; i < values.length; i++) {
      this.#trail[this.#depth] = i;
      this.#write(values[i]);
    }
    this.#depth -= 1;
  }

  #map(value) {
    const prototype = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) this.#checkKind(value);
    this.#open();
    const keys = Object.keys(value);
    const values = keys.map((key) => value[key]);
    let left = keys.length;
    for (const each of values) if (each === undefined) left -= 1;
    this.#head(left, 0x80, 0x0f, 0xde);
    for (let i = 0; i < keys.length; i++) {
      if (values[i] === undefined) continue; // a field that is not there
      this.#trail[this.#depth] = keys[i];
      this.#text(keys[i]);
      this.#write(values[i]);
    }
    this.#depth -= 1;
  }

  /** Maps, sets, dates, errors and the like would arrive as `{}`. */
  #checkKind(value) {
    const kind = Object.prototype.toString.call(value).slice(8, -1);
    if (kind !== "Object") this.#refuse(`is ${/^[AEIO]/.test(kind) ? "an" : "a"} ${kind}`);
  }

  #open() {
    this.#depth += 1;
    if (this.#depth > DEPTH_LIMIT) this.#refuse(`is nested deeper than ${DEPTH_LIMIT} levels, or holds itself`);
  }

  #bin(value) {
    const bytes = ArrayBuffer.isView(value) ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : Buffer.from(value);
    const at = this.#room(5 + bytes.length);
    const size = bytes.length < 0x100 ? 1 : bytes.length < 0x10000 ? 2 : 4;
    this.#bytes[at] = 0xc3 + (size === 4 ? 3 : size);
    this.#bytes.writeUIntBE(bytes.length, at + 1, size);
    bytes.copy(this.#bytes, at + 1 + size);
    this.#at = at + 1 + size + bytes.length;
  }

  #text(text) {
    if (text.length < 32) {
      const at = this.#room(33);
      let i = 0;
      for (let code; i < text.length && (code = text.charCodeAt(i)) < 0x80; i++) this.#bytes[at + 1 + i] = code;
      if (i === text.length) {
        this.#bytes[at] = 0xa0 | i;
        this.#at = at + 1 + i;
        return;
      }
    }
    if (!text.isWellFormed()) this.#refuse("is a text with half a surrogate pair");
    const size = Buffer.byteLength(text);
    const at = this.#room(5 + size);
    let start = at + 1;
    if (size < 32) this.#bytes[at] = 0xa0 | size;
    else {
      const width = size < 0x100 ? 1 : size < 0x10000 ? 2 : 4;
      this.#bytes[at] = 0xd8 + (width === 4 ? 3 : width);
      this.#bytes.writeUIntBE(size, start, width);
      start += width;
    }
    this.#bytes.utf8Write(text, start, size);
    this.#at = start + size;
  }

  #integer(value) {
    if (value >= 0 ? value < 0x80 : value >= -0x20) return this.#byte(value & 0xff);
    const at = this.#room(9);
    const bytes = this.#bytes;
    if (value >= 0) {
      if (value < 0x100) this.#at = ((bytes[at] = 0xcc), bytes.writeUInt8(value, at + 1));
      else if (value < 0x10000) this.#at = ((bytes[at] = 0xcd), bytes.writeUInt16BE(value, at + 1));
      else if (value < 0x100000000) this.#at = ((bytes[at] = 0xce), bytes.writeUInt32BE(value, at + 1));
      else this.#at = ((bytes[at] = 0xcf), bytes.writeBigUInt64BE(BigInt(value), at + 1));
    } else if (value >= -0x80) this.#at = ((bytes[at] = 0xd0), bytes.writeInt8(value, at + 1));
    else if (value >= -0x8000) this.#at = ((bytes[at] = 0xd1), bytes.writeInt16BE(value, at + 1));
    else if (value >= -0x80000000) this.#at = ((bytes[at] = 0xd2), bytes.writeInt32BE(value, at + 1));
    else this.#at = ((bytes[at] = 0xd3), bytes.writeBigInt64BE(BigInt(value), at + 1));
  }

  #bigint(value) {
    if (value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER) return this.#integer(Number(value));
    if (value < LEAST_INTEGER || value > GREATEST_INTEGER) this.#refuse("is an integer of more than 64 bits");
    const at = this.#room(9);
    this.#bytes[at] = value < 0n ? 0xd3 : 0xcf;
    this.#at = value < 0n ? this.#bytes.writeBigInt64BE(value, at + 1) : this.#bytes.writeBigUInt64BE(value, at + 1);
  }

  #float(value) {
    const at = this.#room(9);
    this.#bytes[at] = 0xcb;
    this.#at = this.#bytes.writeDoubleBE(value, at + 1);
  }

  #byte(byte) {
    const at = this.#room(1);
    this.#bytes[at] = byte;
    this.#at = at + 1;
  }

  #head(length, small, most, wide) {
    if (length <= most) return this.#byte(small | length);
    const at = this.#room(5);
    this.#bytes[at] = length < 0x10000 ? wide : wide + 1;
    this.#at = this.#bytes.writeUIntBE(length, at + 1, length < 0x10000 ? 2 : 4);
  }

  /** Where the next bytes go; there is space for so many. */
  #room(size) {
    const needed = this.#at + size;
    if (needed > this.#bytes.length) {
      if (this.#at - 9 > this.#limit || size - 9 > this.#limit) this.#refuseSize(); // before it takes memory
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length));
      this.#bytes.copy(grown, 0, 0, this.#at);
      this.#bytes = grown;
    }
    return this.#at;
  }

  #refuse(why) {
    const place = this.#trail.slice(1, this.#depth + 1);
    const name = place.map((step, i) => (typeof step === "number" ? `[${step}]` : i ? `.${step}` : step)).join("");
    throw new Unsendable("unsendable", `${name.slice(0, 200) || "the value"} ${why}; events hold texts, numbers, booleans, null, bytes, arrays and maps`);
  }

  #refuseSize() {
    throw new Unsendable("oversize", `it has more than ${this.#limit} bytes`);
  }
}
