// A credential counts only under its own name and with its own runtime.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { environmentCredential } from "../../../clients/js/credential.js";
import { readRuntime } from "../../../clients/js/runtime.js";

const directory = mkdtempSync(join(tmpdir(), "credential-"));
after(() => rmSync(directory, { recursive: true }));

const RUNTIME = { protocol: 2, app: "test", pid: process.pid, lane: "ipc:///lane", feed: "ipc:///feed", token: "t", curve: null };

function written(name, content = RUNTIME) {
  const path = join(directory, name);
  writeFileSync(path, JSON.stringify(content), { mode: 0o600 });
  return path;
}

test("it counts under its own name, with its own runtime or an equal file", () => {
  const environ = { UNDERCROFT_RUNTIME: written("r"), UNDERCROFT_CREDENTIAL: "engine:se:cret" };
  assert.equal(environmentCredential("engine", RUNTIME, environ), "se:cret");
  assert.equal(environmentCredential("engine", readRuntime(written("copy")), environ), "se:cret");
  assert.equal(environmentCredential("tray", RUNTIME, environ), null);
  assert.equal(environmentCredential("engine", { ...RUNTIME, lane: "ipc:///elsewhere" }, environ), null);
});

test("without one, or without its runtime, there is none", () => {
  const path = written("r");
  for (const given of [undefined, "", "engine", "engine:", ":secret"])
    assert.equal(environmentCredential("engine", RUNTIME, { UNDERCROFT_RUNTIME: path, UNDERCROFT_CREDENTIAL: given }), null);
  assert.equal(environmentCredential("engine", RUNTIME, { UNDERCROFT_CREDENTIAL: "engine:secret" }), null);
  const gone = { UNDERCROFT_RUNTIME: join(directory, "gone"), UNDERCROFT_CREDENTIAL: "engine:secret" };
  assert.equal(environmentCredential("engine", RUNTIME, gone), null);
});
