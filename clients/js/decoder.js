// Reads MessagePack as the protocol allows it in events: exact numbers, keys that are text, nothing else. Pure.
//
// It is our own because no library does it: @msgpack/msgpack refuses the key `__proto__`, repairs texts that are no UTF-8, and makes every
// 64-bit integer a BigInt or none; msgpackr patches keys and makes Buffers. This one is as fast as the former, and one dependency less.
import { isUtf8 } from "node:buffer";

export const DEPTH_LIMIT = 64;

const OWN_ONLY = Object.prototype;
const CACHED_KEY_BYTES = 24;
const CACHED_KEYS_LIMIT = 1024;

/** Bytes that are no value, or a value that may not stand in an event. */
export class Unreadable extends Error {}

/** The value in these bytes. Throws Unreadable. */
export function unpack(bytes) {
  const reader = new Decoder(bytes);
  const value = reader.value(DEPTH_LIMIT);
  if (reader.at !== bytes.length) throw new Unreadable("there are bytes behind the value");
  return value;
}

/** The event in these bytes: a map. Throws Unreadable. */
export function unpackEvent(bytes) {
  const event = unpack(bytes);
  if (!isMap(event)) throw new Unreadable("it is no map");
  return event;
}

/** Elements of an array of events from `skip` on, in place of each unreadable one null. Never throws. */
export function unpackEvents(bytes, count, skip = 0) {
  const events = [];
  try {
    const reader = new Decoder(bytes);
    if (reader.arrayLength() !== count) return new Array(count - skip).fill(null);
    for (let i = 0; i < count; i++) {
      const start = reader.at;
      let event = null;
      try {
        if (i >= skip) event = reader.value(DEPTH_LIMIT);
        else reader.skip();
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error;
        reader.at = start;
        reader.skip();
      }
      if (i >= skip) events.push(isMap(event) ? event : null);
    }
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    while (events.length < count - skip) events.push(null); // the rest cannot be found
  }
  return events;
}

const isMap = (value) => typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);

class Decoder {
  at = 0;
  #bytes;
  #view;

  constructor(bytes) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The next value, with at most so many levels of arrays and maps. */
  value(levels) {
    const tag = this.#byte();
    if (tag < 0x80) return tag;
    if (tag < 0x90) return this.#map(tag & 0x0f, levels);
    if (tag < 0xa0) return this.#array(tag & 0x0f, levels);
    if (tag < 0xc0) return this.#text(tag & 0x1f);
    if (tag >= 0xe0) return tag - 0x100;
    switch (tag) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return new Uint8Array(this.#taken(this.#unsigned(tag - 0xc4))); // a copy of its own: no Buffer, no shared memory
      case 0xca:
        return this.#view.getFloat32(this.#advance(4));
      case 0xcb:
        return this.#view.getFloat64(this.#advance(8));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#unsigned(tag - 0xcc);
      case 0xcf:
        return exact(this.#view.getBigUint64(this.#advance(8)));
      case 0xd0:
        return this.#view.getInt8(this.#advance(1));
      case 0xd1:
        return this.#view.getInt16(this.#advance(2));
      case 0xd2:
        return this.#view.getInt32(this.#advance(4));
      case 0xd3:
        return exact(this.#view.getBigInt64(this.#advance(8)));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#unsigned(tag - 0xd9));
      case 0xdc:
      case 0xdd:
        return this.#array(this.#unsigned(tag - 0xdb), levels);
      case 0xde:
      case 0xdf:
        return this.#map(this.#unsigned(tag - 0xdd), levels);
      case 0xc1:
        throw new Unreadable("0xc1 is no value");
      default:
        throw new Unreadable("it holds an extension or a timestamp");
    }
  }

  /** The length of the array that comes next. */
  arrayLength() {
    const tag = this.#byte();
    if (tag >= 0x90 && tag < 0xa0) return tag & 0x0f;
    if (tag === 0xdc || tag === 0xdd) return this.#unsigned(tag - 0xdb);
    throw new Unreadable("it is no array");
  }

  /** Go past the next value, whatever it holds and however deep. */
  skip() {
    for (let left = 1; left > 0; left--) {
      const tag = this.#byte();
      if (tag < 0x80 || tag >= 0xe0) continue;
      if (tag < 0x90) left += 2 * (tag & 0x0f);
      else if (tag < 0xa0) left += tag & 0x0f;
      else if (tag < 0xc0) this.#advance(tag & 0x1f);
      else left += this.#skipTagged(tag);
    }
  }

  /** Go past one value with a tag of its own; returns how many values it holds. */
  #skipTagged(tag) {
    if (tag >= 0xc4 && tag <= 0xc6) this.#advance(this.#unsigned(tag - 0xc4));
    else if (tag >= 0xc7 && tag <= 0xc9) this.#advance(this.#unsigned(tag - 0xc7) + 1);
    else if (tag >= 0xca && tag <= 0xcb) this.#advance(4 << (tag - 0xca));
    else if (tag >= 0xcc && tag <= 0xd3) this.#advance(1 << (tag & 3));
    else if (tag >= 0xd4 && tag <= 0xd8) this.#advance((1 << (tag - 0xd4)) + 1);
    else if (tag >= 0xd9 && tag <= 0xdb) this.#advance(this.#unsigned(tag - 0xd9));
    else if (tag === 0xdc || tag === 0xdd) return this.#unsigned(tag - 0xdb);
    else if (tag === 0xde || tag === 0xdf) return 2 * this.#unsigned(tag - 0xdd);
    else if (tag === 0xc1) throw new Unreadable("0xc1 is no value");
    return 0;
  }

  #byte() {
    const at = this.at;
    if (at >= this.#bytes.length) throw new Unreadable("it is cut off");
    this.at = at + 1;
    return this.#bytes[at];
  }

  /** Where the next `size` bytes begin. */
  #advance(size) {
    const at = this.at;
    if (at + size > this.#bytes.length) throw new Unreadable("it is cut off");
    this.at = at + size;
    return at;
  }

  #taken(size) {
    const at = this.#advance(size);
    return this.#bytes.subarray(at, at + size);
  }

  /** A number of 1, 2 or 4 bytes. */
  #unsigned(power) {
    if (power === 0) return this.#byte();
    return power === 1 ? this.#view.getUint16(this.#advance(2)) : this.#view.getUint32(this.#advance(4));
  }

  #text(size) {
    const at = this.#advance(size);
    const bytes = this.#bytes;
    if (size <= 16) {
      let text = "";
      let i = at;
      for (const end = at + size; i < end && bytes[i] < 0x80; i++) text += String.fromCharCode(bytes[i]);
      if (i === at + size) return text;
    }
    if (!isUtf8(bytes.subarray(at, at + size))) throw new Unreadable("a text in it is no UTF-8");
    return bytes.utf8Slice(at, at + size);
  }

  #array(length, levels) {
    if (levels === 0) throw new Unreadable(`it is nested deeper than ${DEPTH_LIMIT} levels`);
    const found = [];
    for (let i = 0; i < length; i++) found.push(this.value(levels - 1));
    return found;
  }

  #map(length, levels) {
    if (levels === 0) throw new Unreadable(`it is nested deeper than ${DEPTH_LIMIT} levels`);
    const found = {};
    for (let i = 0; i < length; i++) {
      const key = this.#key();
      const value = this.value(levels - 1);
      if (key in OWN_ONLY) Object.defineProperty(found, key, { value, writable: true, enumerable: true, configurable: true });
      else found[key] = value;
    }
    return found;
  }

  /** Keys come again and again: they are kept by their bytes. */
  #key() {
    const tag = this.#byte();
    if (tag >= 0xa0 && tag < 0xc0) return this.#knownText(tag & 0x1f);
    if (tag >= 0xd9 && tag <= 0xdb) return this.#text(this.#unsigned(tag - 0xd9));
    throw new Unreadable("a key in it is no text");
  }

  #knownText(size) {
    if (size === 0 || size > CACHED_KEY_BYTES) return this.#text(size);
    const at = this.#advance(size);
    const bytes = this.#bytes;
    let hash = size;
    for (let i = at; i < at + size; i++) hash = (hash * 31 + bytes[i]) | 0;
    const known = knownKeys.get(hash);
    if (known !== undefined && known.length === size) {
      let i = 0;
      while (i < size && known.charCodeAt(i) === bytes[at + i]) i++;
      if (i === size) return known;
    }
    this.at = at;
    const text = this.#text(size);
    if (text.length === size && knownKeys.size < CACHED_KEYS_LIMIT) knownKeys.set(hash, text);
    return text;
  }
}

const knownKeys = new Map(); // hash of the bytes -> an ASCII key

/** A number where that is exact, else a BigInt. */
function exact(big) {
  return big >= Number.MIN_SAFE_INTEGER && big <= Number.MAX_SAFE_INTEGER ? Number(big) : big;
}
