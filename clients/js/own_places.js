// Refuses a `runtime.json`, or a directory of sockets, that another user owns, can write to or can replace. A path is judged from the root
// down: in a directory that was judged nobody else can change the next name, so nothing can be swapped between the look and the use.
import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync, readlinkSync } from "node:fs";
import { platform, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { UnsafePlace } from "./errors.js";

const ROOT = 0;
const LINKS_LIMIT = 40;
const IPC_PREFIX = "ipc://";
const STICKY = 0o1000;
const IS_JUDGED = platform() !== "win32"; // Windows keeps others out by the access lists that a profile's directories inherit
const NOT_OPENED = new Set(["ELOOP", "EMLINK", "ENXIO", "EACCES"]); // what opening says of a link, a socket, a file of somebody else

/** Throw UnsafePlace if a directory is not ours alone; it need not exist. `isOurs` false: only what is ours already has to stay ours. */
export function checkDirectory(path, isOurs = true) {
  if (!IS_JUDGED) return;
  let above = null;
  try {
    for (const [place, found, isEnd] of way(path)) {
      judge(place, found, isOurs && isEnd);
      above = place;
    }
  } catch (error) {
    if (error instanceof UnsafePlace) throw error;
    if (error.code === "EACCES") judge(above, lstatSync(above), true); // the directory does not show us what lies in it
  }
}

/** Throw UnsafePlace if others could listen in place of the broker at one of these endpoints. A loopback port is told by its keys. */
export function checkEndpoints(...endpoints) {
  const paths = endpoints.filter((endpoint) => endpoint.startsWith(IPC_PREFIX)).map((endpoint) => endpoint.slice(IPC_PREFIX.length));
  for (const path of paths) if (path.startsWith("/")) checkDirectory(dirname(path)); // no runtime writes a relative one
}

/** Open a file that only we can read or replace; returns its descriptor. Throws UnsafePlace, or what opening says. */
export function openOwnFile(path) {
  checkDirectory(dirname(path), false); // a sticky one will do: the file itself is judged below
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  let descriptor;
  try {
    descriptor = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (IS_JUDGED && NOT_OPENED.has(error.code)) judgeFile(path, lstatSync(path));
    throw error;
  }
  try {
    if (IS_JUDGED) judgeFile(path, fstatSync(descriptor));
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  return descriptor;
}

/** Each directory and link on the way, and whether it is what the path leads to. Throws where something is missing or hidden. */
function* way(path) {
  const rest = namesOf(path.startsWith("/") ? path : `${process.cwd()}/${path}`);
  let at = "/";
  let links = 0;
  yield [at, lstatSync(at), !rest.length];
  while (rest.length) {
    const name = rest.pop();
    const here = name === ".." ? dirname(at) : join(at, name);
    const found = lstatSync(here);
    if (!found.isSymbolicLink()) {
      at = here;
      yield [at, found, !rest.length];
      continue;
    }
    if (++links > LINKS_LIMIT) throw Object.assign(new Error("too many links"), { code: "ELOOP" });
    yield [here, found, false];
    const target = readlinkSync(here);
    if (target.startsWith("/")) at = "/";
    const names = namesOf(target);
    rest.push(...(names.length ? names : ["."]));
  }
}

/** The names of a path, the first one last. */
const namesOf = (path) =>
  path
    .split("/")
    .filter((name) => name && name !== ".")
    .reverse();

function judge(path, found, isOurs) {
  const uid = process.geteuid();
  const place = quoted(path);
  const sudo = uid && found.uid !== uid ? "sudo " : "";
  if (isOurs && found.mode & STICKY && (found.mode & 0o002 || found.uid !== uid)) {
    const detail = `it is shared by all users (mode ${octal(found)}), expected a directory of one user`;
    throw new UnsafePlace(path, detail, `mkdir -m 700 ${place}/"undercroft-$(id -u)"`);
  }
  if (found.uid !== uid && (isOurs || !isRoot(found.uid)))
    throw new UnsafePlace(path, `it belongs to user ${found.uid}, expected user ${uid}`, `${sudo}chown ${isOurs ? "-R" : "-h"} ${uid} ${place}`);
  if (found.isSymbolicLink()) return;
  if (!found.isDirectory()) throw new UnsafePlace(path, "it is not a directory", `mv ${place} ${place}.away`);
  if (found.mode & STICKY && !isOurs) return;
  if (!(found.mode & 0o002) && (!(found.mode & 0o020) || isPrivate(found.gid))) return;
  const [who, what] = found.mode & 0o002 ? ["every user", "go-w"] : [`group ${found.gid}`, "g-w"];
  throw new UnsafePlace(path, `${who} may write to it (mode ${octal(found)}), expected its owner alone`, `${sudo}chmod ${what} ${place}`);
}

function judgeFile(path, found) {
  const uid = process.geteuid();
  const place = quoted(path);
  const refuse = (detail, command) => {
    throw new UnsafePlace(path, detail, `${command} ${place}`);
  };
  if (found.isDirectory()) refuse("it is a directory, expected a file", "rm -r");
  if (!found.isFile()) refuse("it is a link, a pipe, a socket or a device, expected a file", "rm");
  if (found.uid !== uid) refuse(`it belongs to user ${found.uid}, expected user ${uid}`, "rm -f");
  if (found.nlink > 1) refuse(`it has ${found.nlink} names (hard links), expected one`, "rm");
  if (found.mode & 0o077) refuse(`its mode is ${octal(found)}, expected 0600`, "chmod 600");
}

/** Whether this group has the user's name and no other members, as many systems make it for each user. Node.js reads no access lists. */
function isPrivate(gid) {
  if (process.geteuid() === ROOT || gid !== process.getegid()) return false;
  try {
    const { username } = userInfo();
    const line = readFileSync("/etc/group", "utf8")
      .split("\n")
      .map((each) => each.split(":"))
      .find((fields) => fields[2] === String(gid));
    return line?.[0] === username && ["", username].includes(line[3]);
  } catch {
    return false;
  }
}

/** Whether this is root, or stands for it in a user namespace that knows neither root nor this number. */
function isRoot(uid) {
  if (uid === ROOT) return true;
  try {
    const unmapped = Number(readFileSync("/proc/sys/kernel/overflowuid", "utf8"));
    const ranges = readFileSync("/proc/self/uid_map", "utf8").trim().split("\n");
    const known = ranges.map((line) => line.trim().split(/\s+/).map(Number));
    const isKnown = (number) => known.some(([first, , count]) => number >= first && number < first + count);
    return uid === unmapped && !isKnown(ROOT) && !isKnown(unmapped);
  } catch {
    return false;
  }
}

const octal = (found) => (found.mode & 0o7777).toString(8).padStart(4, "0");

/** As a shell takes it. */
const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`);
