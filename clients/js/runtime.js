// Finds `runtime.json`, the one file that says where the broker listens and how to be let in.
import { closeSync, readSync } from "node:fs";
import { homedir, platform } from "node:os";
import { join, resolve } from "node:path";
import { NotRunning, UnsafePlace } from "./errors.js";
import { checkEndpoints, openOwnFile } from "./own_places.js";

const PROTOCOL_VERSION = 2;
const FILE_LIMIT_BYTES = 64 * 1024;

/** The path of `runtime.json` of an app, or of the runtime below `home`. */
export function runtimePath({ app = "undercroft", home, environ = process.env } = {}) {
  if (!home && environ.UNDERCROFT_RUNTIME) return environ.UNDERCROFT_RUNTIME;
  const root = home || environ.UNDERCROFT_HOME;
  if (root) return join(resolve(root.replace(/^~(?=$|[/\\])/, homedir())), "state", "runtime.json");
  return join(stateRoot(environ), app, "runtime.json");
}

/** Read `runtime.json`. Throws NotRunning if it is absent, left over, or of another version, UnsafePlace if it may be that of somebody else. */
export function readRuntime(path) {
  let runtime;
  try {
    runtime = JSON.parse(contentOf(path));
  } catch (error) {
    if (error instanceof UnsafePlace) throw error;
    throw new NotRunning(path, error.message);
  }
  if (runtime?.protocol !== PROTOCOL_VERSION) throw new NotRunning(path, `it speaks protocol ${runtime?.protocol}, not ${PROTOCOL_VERSION}`);
  const isWhole = [runtime.lane, runtime.feed, runtime.token].every(isText) && hasKeys(runtime.curve ?? null);
  if (!isWhole) throw new NotRunning(path, "it is damaged: expected lane, feed and token as texts, and curve as null or three keys");
  if (!isAlive(runtime.pid)) throw new NotRunning(path, `it is left over from process ${runtime.pid}, which has ended`);
  checkEndpoints(runtime.lane, runtime.feed);
  return runtime;
}

function contentOf(path) {
  const descriptor = openOwnFile(path);
  try {
    const content = Buffer.alloc(FILE_LIMIT_BYTES + 1);
    let size = 0;
    for (let count = 1; count > 0 && size < content.length; size += count) count = readSync(descriptor, content, size, content.length - size);
    if (size > FILE_LIMIT_BYTES) throw new Error(`it has more than ${FILE_LIMIT_BYTES} bytes`);
    return content.toString("utf8", 0, size);
  } finally {
    closeSync(descriptor);
  }
}

const isText = (found) => typeof found === "string" && found !== "";

const hasKeys = (curve) => curve === null || [curve.server_public, curve.client_public, curve.client_secret].every(isText);

function stateRoot(environ) {
  if (platform() === "win32") return environ.LOCALAPPDATA || join(homedir(), "AppData", "Local");
  if (platform() === "darwin") return join(homedir(), "Library", "Application Support");
  return environ.XDG_STATE_HOME || join(homedir(), ".local", "state");
}

function isAlive(pid) {
  try {
    return Number.isSafeInteger(pid) && pid > 0 && process.kill(pid, 0);
  } catch (error) {
    return error.code === "EPERM";
  }
}
