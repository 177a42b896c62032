// What another user owns, can write to or can replace is refused, with the command that mends it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, closeSync, linkSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import { NotRunning, UnsafePlace } from "../../../clients/js/errors.js";
import { checkDirectory, checkEndpoints, openOwnFile } from "../../../clients/js/own_places.js";

const OTHER = 54321;
const directory = mkdtempSync(join(tmpdir(), "own places; "));
const options = { skip: process.platform === "win32" };
const needsRoot = { skip: options.skip || process.geteuid() !== 0 };
after(() => rmSync(directory, { recursive: true, force: true }));

let state;
beforeEach(() => {
  state = join(mkdtempSync(join(directory, "home ")), "state");
  mkdirSync(state, { mode: 0o700 });
});

function refusal(act) {
  let found;
  assert.throws(act, (error) => (found = error) instanceof UnsafePlace && error instanceof NotRunning);
  assert.ok(found.message.includes(found.command));
  return found;
}

function mend({ command }) {
  execFileSync("sh", ["-c", command.replace(/^sudo /, "")]);
}

test("a directory that others can write to is refused, at the end and above, until the command has run", options, () => {
  for (const place of [state, join(state, "..")])
    for (const mode of [0o777, 0o770, 0o702]) {
      chmodSync(place, mode);
      const found = refusal(() => checkDirectory(state));
      assert.equal(found.path, join(place));
      mend(found);
      checkDirectory(state);
    }
});

test("a sticky directory will do above, and not at the end", options, () => {
  chmodSync(join(state, ".."), 0o1777);
  checkDirectory(state);
  chmodSync(state, 0o1777);
  refusal(() => checkDirectory(state));
});

test("links are followed as far as they are ours, and what is missing is fine", options, () => {
  symlinkSync(state, join(directory, "link"));
  checkDirectory(join(directory, "link", "not", "yet"));
  chmodSync(state, 0o777);
  assert.equal(refusal(() => checkDirectory(join(directory, "link"))).path, state);
  symlinkSync("circle", join(directory, "circle"));
  checkDirectory(join(directory, "circle"));
});

test("what another user owns is refused", needsRoot, () => {
  chownSync(state, OTHER, OTHER);
  const found = refusal(() => checkDirectory(state));
  assert.match(found.message, /it belongs to user 54321, expected user 0/);
  mend(found);
  checkDirectory(state);
});

test("a file is opened if it is a private file of ours with one name", options, () => {
  const path = join(state, "runtime.json");
  const anew = () => {
    rmSync(path, { recursive: true, force: true });
    writeFileSync(path, "{}", { mode: 0o600 });
  };
  const spoils = {
    "its mode is 0640": () => chmodSync(path, 0o640),
    "hard links": () => linkSync(path, join(state, "second")),
    "a link, a pipe": () => (renameSync(path, join(state, "elsewhere")), symlinkSync("elsewhere", path)),
    "a socket or a device": () => (rmSync(path), execFileSync("mkfifo", [path])),
    "a directory": () => (rmSync(path), mkdirSync(path)),
  };
  for (const [words, spoil] of Object.entries(spoils)) {
    anew();
    closeSync(openOwnFile(path));
    spoil();
    const found = refusal(() => openOwnFile(path));
    assert.ok(found.message.includes(words), found.message);
    mend(found);
  }
  assert.throws(() => openOwnFile(join(state, "gone")), { code: "ENOENT" });
});

test("a file of another user is refused and not taken over", needsRoot, () => {
  const path = join(state, "runtime.json");
  writeFileSync(path, "{}", { mode: 0o600 });
  chownSync(path, OTHER, OTHER);
  assert.match(refusal(() => openOwnFile(path)).command, /^rm -f /);
});

test("endpoints are as good as the directory of their sockets", options, () => {
  const lane = `ipc://${state}/lane`;
  checkEndpoints(lane, "tcp://127.0.0.1:5555");
  chmodSync(state, 0o777);
  refusal(() => checkEndpoints("tcp://127.0.0.1:5555", lane));
});
