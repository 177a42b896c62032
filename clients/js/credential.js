// What a client presents to the broker: the credential of its name, or the token that makes it a guest.
import { isDeepStrictEqual } from "node:util";
import { NotRunning } from "./errors.js";
import { readRuntime } from "./runtime.js";

/**
 * The credential in UNDERCROFT_CREDENTIAL (`name:secret`), if it was made for this name and this runtime; else null.
 * It counts only with the runtime that UNDERCROFT_RUNTIME names: no other broker gets to see it.
 */
export function environmentCredential(name, runtime, environ = process.env) {
  const given = environ.UNDERCROFT_CREDENTIAL ?? "";
  const at = given.indexOf(":");
  const secret = given.slice(at + 1);
  if (at < 0 || given.slice(0, at) !== name || !secret || !environ.UNDERCROFT_RUNTIME) return null;
  try {
    return isDeepStrictEqual(readRuntime(environ.UNDERCROFT_RUNTIME), runtime) ? secret : null;
  } catch (error) {
    if (error instanceof NotRunning) return null;
    throw error;
  }
}
