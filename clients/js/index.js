// A thin client for an Undercroft runtime. Written from bus/PROTOCOL.md.
import { randomBytes } from "node:crypto";
import { Client } from "./client.js";
import { NotRunning } from "./errors.js";
import { readRuntime, runtimePath } from "./runtime.js";

export { Client } from "./client.js";
export { correlationOf, withCorrelation } from "./correlation.js";
export { Unreadable, unpack } from "./decoder.js";
export * from "./errors.js";
export { readRuntime, runtimePath } from "./runtime.js";

/** Connect to a runtime: the one that is given, or that of an app or home. Throws NotRunning, UnsafePlace or HelloRefused. */
export async function connect({
  name = `client-${process.pid}-${randomBytes(4).toString("hex")}`,
  app,
  home,
  runtime,
  credential = null,
  timeoutSeconds = 5,
} = {}) {
  const path = runtime ? null : runtimePath({ app, home });
  const client = new Client({ name, runtime: runtime ?? readRuntime(path), path, credential });
  const timer = setTimeout(() => client._deny(new NotRunning(path, `no answer within ${timeoutSeconds} s`)), timeoutSeconds * 1000);
  try {
    await client._letIn;
  } catch (error) {
    await client.close();
    throw error;
  } finally {
    clearTimeout(timer);
  }
  return client;
}
