// Finds `runtime.json`, the one file that says where the broker listens and how to be let in.
import { readFileSync, statSync } from "node:fs";
import { homedir, platform } from "node:os";
import { join, resolve } from "node:path";
import { NotRunning } from "./errors.js";

const PROTOCOL_VERSION = 2;
const FILE_LIMIT_BYTES = 64 * 1024;

/** The path of `runtime.json` of an app, or of the runtime below `home`. */
export function runtimePath({ app = "undercroft", home, environ = process.env } = {}) {
  if (!home && environ.UNDERCROFT_RUNTIME) return environ.UNDERCROFT_RUNTIME;
  const root = home || environ.UNDERCROFT_HOME;
  if (root) return join(resolve(root.replace(/^~(?=$|[/\\])/, homedir())), "state", "runtime.json");
  return join(stateRoot(environ), app, "runtime.json");
}

/** Read `runtime.json`. Throws NotRunning if it is absent, left over, open to other users, or of another version. */
export function readRuntime(path) {
  let runtime;
  try {
    const { mode, size } = statSync(path);
    if (platform() !== "win32" && mode & 0o077) throw new Error(`its mode is ${(mode & 0o777).toString(8)}, expected 600`);
    if (size > FILE_LIMIT_BYTES) throw new Error(`it has ${size} bytes; expected at most ${FILE_LIMIT_BYTES}`);
    runtime = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new NotRunning(path, error.message);
  }
  if (runtime?.protocol !== PROTOCOL_VERSION) throw new NotRunning(path, `it speaks protocol ${runtime?.protocol}, not ${PROTOCOL_VERSION}`);
  const isWhole = [runtime.lane, runtime.feed, runtime.token].every(isText) && hasKeys(runtime.curve ?? null);
  if (!isWhole) throw new NotRunning(path, "it is damaged: expected lane, feed and token as texts, and curve as null or three keys");
  if (!isAlive(runtime.pid)) throw new NotRunning(path, `it is left over from process ${runtime.pid}, which has ended`);
  return runtime;
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
