// Reads the frames that the broker sends, and checks each field. Pure.
import { isUtf8 } from "node:buffer";
import { Unreadable, unpack } from "./decoder.js";
import { RUN_LIMIT_EVENTS } from "./limits.js";

const isNumber = (found) => Number.isSafeInteger(found) && found >= 0;
const isPositive = (found) => Number.isSafeInteger(found) && found >= 1;
const isText = (found) => typeof found === "string";
const isTextOrNull = (found) => found === null || isText(found);
const isId = (found) => isNumber(found) || typeof found === "bigint";
const isCount = (found) => isPositive(found) && found <= RUN_LIMIT_EVENTS;
const isAny = () => true;

const needed = (check) => ({ check });
const optional = (check, otherwise) => ({ check, otherwise });

const HEADERS = {
  WELCOME: {
    protocol: needed(isNumber),
    epoch: needed(isText),
    accepted: needed(isNumber),
    sequence: needed(isNumber),
    instance: optional(isText, ""),
    role: optional(isText, "guest"),
  },
  ACCEPTED: { serial: needed(isNumber), behind: optional(isNumber, 0) },
  SERVE: { topics: needed(Array.isArray) },
  REQUEST: {
    id: needed(isId),
    topic: needed(isText),
    timeout: needed(isAny),
    correlation: optional(isTextOrNull, null),
    source: optional(isText, ""),
  },
  REPLY: { id: needed(isId), epoch: optional(isText, ""), sequence: optional(isNumber, 0), source: optional(isText, "") },
  FAILED: { id: needed(isId), kind: needed(isText), message: needed(isText), verb: optional(isText, "REQUEST") },
  CANCEL: { id: needed(isId) },
  REPLAY: {
    id: needed(isId),
    topic: needed(isText),
    lost: needed(isNumber),
    next: needed(isNumber),
    epoch: optional(isText, ""),
  },
  SNAPSHOT: {
    id: needed(isId),
    epoch: needed(isText),
    sequence: needed(isNumber),
    heads: needed(isAny),
    next: optional(isNumber, 0),
  },
  PING: { id: needed(isId) },
  PONG: { id: needed(isId), epoch: optional(isText, ""), accepted: optional(isNumber, 0) },
};

const RUN = {
  epoch: needed(isText),
  sequence: needed(isPositive),
  number: needed(isPositive),
  count: needed(isCount),
  time_ns: needed(isId),
  source: needed(isText),
  instance: needed(isText),
  source_number: needed(isPositive),
  key: optional(isTextOrNull, null),
  correlation: optional(isTextOrNull, null),
};

const FAILURE_KINDS = new Set(["no_responder", "restarting", "died", "deadline", "busy", "refused", "invalid"]);

const HEARTBEAT = { epoch: needed(isText), sequence: needed(isNumber) };

/** The text in a frame. Throws Unreadable. */
export function readText(frame) {
  if (frame === undefined || !isUtf8(frame)) throw new Unreadable("a frame that should be text is no UTF-8");
  return frame.toString();
}

/** The header of a lane message; null for a verb of a later version. Throws Unreadable. */
export function readHeader(verb, frame) {
  if (!Object.hasOwn(HEADERS, verb)) return null;
  const header = readFields(HEADERS[verb], frame);
  if (verb === "SNAPSHOT") header.heads = readHeads(header.heads);
  return header;
}

/** The id in a header whose other fields make no sense; null: it has none. */
export function readId(frame) {
  try {
    const found = unpack(frame);
    return Array.isArray(found) && isId(found[0]) ? found[0] : null;
  } catch {
    return null;
  }
}

/** A feed message, from its three frames. Throws Unreadable. */
export function readRun([topic, header, body]) {
  if (body === undefined) throw new Unreadable("it has fewer than three frames");
  return { topic: readText(topic), body, skip: 0, ...readFields(RUN, header) };
}

/** The feed messages in the body of an answer, three frames each, and how many of them could not be read. */
export function readRuns(frames) {
  const found = { runs: [], unreadable: 0 };
  for (let i = 2; i + 2 < frames.length; i += 3) {
    try {
      found.runs.push(readRun(frames.slice(i, i + 3)));
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      found.unreadable += 1;
    }
  }
  return found;
}

/** Epoch and newest number of each topic, from a heartbeat. Throws Unreadable. */
export function readHeartbeat([, header, body]) {
  if (body === undefined) throw new Unreadable("it has fewer than three frames");
  return { epoch: readFields(HEARTBEAT, header).epoch, heads: readHeads(unpack(body)) };
}

/** Reason and sentence of a refusal. */
export function splitReason(message) {
  const at = message.indexOf(": ");
  return at < 0 ? [message, ""] : [message.slice(0, at), message.slice(at + 2)];
}

/** Kinds that no version of this client knows are faults of whoever answers. */
export const knownKind = (kind) => (FAILURE_KINDS.has(kind) ? kind : "invalid");

function readHeads(found) {
  if (typeof found !== "object" || found === null || Array.isArray(found)) throw new Unreadable("the heads are no map");
  const heads = Object.entries(found);
  for (const [topic, head] of heads) if (!isNumber(head)) throw new Unreadable(`the head of ${topic} is no number`);
  return heads;
}

function readFields(fields, frame) {
  if (frame === undefined) throw new Unreadable("it has no header");
  const found = unpack(frame);
  if (!Array.isArray(found)) throw new Unreadable("its header is no array");
  const header = {};
  let i = 0;
  for (const name in fields) {
    const { check, otherwise } = fields[name];
    const value = i < found.length ? found[i] : otherwise;
    if (value === undefined || !check(value)) throw new Unreadable(`its field ${name} makes no sense`);
    header[name] = value;
    i += 1;
  }
  return header;
}
