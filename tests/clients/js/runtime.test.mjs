// `runtime.json` is found where the page says, and not trusted blindly.
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { NotRunning } from "../../../clients/js/errors.js";
import { readRuntime, runtimePath } from "../../../clients/js/runtime.js";

const directory = mkdtempSync(join(tmpdir(), "runtime-"));
after(() => rmSync(directory, { recursive: true }));

const RUNTIME = { protocol: 2, app: "test", pid: process.pid, lane: "ipc:///lane", feed: "ipc:///feed", token: "t", curve: null };
const KEYS = { server_public: "a", client_public: "b", client_secret: "c" };

function written(content) {
  const path = join(directory, "runtime.json");
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content), { mode: 0o600 });
  return path;
}

test("a home that is asked for wins, then the variable for the file, then that for the home", () => {
  const environ = { UNDERCROFT_RUNTIME: "/file", UNDERCROFT_HOME: "/home" };
  assert.equal(runtimePath({ home: "/asked", environ }), join("/asked", "state", "runtime.json"));
  assert.equal(runtimePath({ app: "another", environ }), "/file");
  assert.equal(runtimePath({ environ: { UNDERCROFT_HOME: "~/h" } }), join(homedir(), "h", "state", "runtime.json"));
});

test("a whole file is read, with keys and without", () => {
  assert.deepEqual(readRuntime(written(RUNTIME)), RUNTIME);
  assert.deepEqual(readRuntime(written({ ...RUNTIME, curve: KEYS, later: 1 })).curve, KEYS);
});

test("a file that is damaged, of another version, or left over is no runtime", () => {
  for (const content of [
    "",
    "null",
    "7",
    "[]",
    '{"protocol": 2',
    "x".repeat(70_000),
    { ...RUNTIME, protocol: 1 },
    { ...RUNTIME, lane: undefined },
    { ...RUNTIME, feed: 7 },
    { ...RUNTIME, token: null },
    { ...RUNTIME, curve: {} },
    { ...RUNTIME, curve: { ...KEYS, client_secret: 7 } },
    { ...RUNTIME, pid: "1" },
    { ...RUNTIME, pid: 2 ** 31 },
    { ...RUNTIME, pid: -1 },
  ])
    assert.throws(() => readRuntime(written(content)), NotRunning, JSON.stringify(content).slice(0, 80));
  assert.throws(() => readRuntime(join(directory, "gone")), NotRunning);
  assert.throws(() => readRuntime(directory), NotRunning);
});

test("a file that others can read is not trusted", { skip: process.platform === "win32" }, () => {
  const path = written(RUNTIME);
  chmodSync(path, 0o644);
  assert.throws(() => readRuntime(path), /its mode is 0644, expected 0600/);
});
