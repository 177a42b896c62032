"""Files that a stranger left: what may lie in the place of any file or directory of a home, and its traces.

    home = copy_of(whole_home, tmp_path)
    trace = mutation.leave(home / "state" / "thing.json")   # replaces what lies there
    ...                                                      # run the actor twice; it has to serve
    assert trace.is_kept(home)                               # nothing bad was overwritten in silence

`FILE_MUTATIONS` and `DIRECTORY_MUTATIONS` replace the whole of a place. `strange_documents` yields a JSON
document with one value after another replaced, `strange_lines` the same for files with a document a line.
"""

from __future__ import annotations

import atexit
import contextlib
import copy
import functools
import json
import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

DEEP: Final = 100_000
LONG_LINE_BYTES: Final = 10 * 1024 * 1024
SPARSE_BYTES: Final = 1 << 40
MARK: Final = "of a stranger"
"""Name of the file in a directory that a stranger left."""

MEMORY_BYTES: Final = 3 << 30

NUMBERS: Final = (
    "NaN",
    "Infinity",
    "-Infinity",
    "1e400",
    "-1e400",
    "1e308",
    "-1",
    "0",
    "-0.0",
    str(2**53 + 1),
    str(2**63),
    str(2**64),
    str(-(2**63) - 1),
    "9" * 5000,
    "253402300800",
)
"""Spelled as JSON, or as what some take for it; the last one is the first second of the year 10000."""

VALUES: Final = (
    *NUMBERS,
    "null",
    "true",
    '""',
    '"x"',
    '"../../../../etc/passwd"',
    '"\\u0000"',
    '"\\ud800"',
    '"a\\nb\\u001b[31m"',
    json.dumps("x" * 200_000),
    "[]",
    "{}",
    '[{"a":[null]}]',
    '{"a":{"b":[]}}',
    "[" * DEEP + "]" * DEEP,
    '{"a":' * DEEP + "1" + "}" * DEEP,
)
"""What may stand in the place of any value."""


@dataclass(frozen=True)
class Trace:
    """What was left, so that it can be found again.

    Attributes:
        kind: of what lies there: `file`, `directory`, `link`, `fifo` or `socket`.
        content: of a file; the target of a link; empty for others.
    """

    kind: str
    content: bytes = b""

    def is_kept(self, root: Path) -> bool:
        """Whether it still lies somewhere below a directory, under any name. A log may go on behind it."""
        return any(self._is_this(path) for path in everything_below(root))

    def _is_this(self, path: Path) -> bool:
        found = path.lstat()
        match self.kind:
            case "file":
                is_sparse = found.st_size == SPARSE_BYTES and not self.content
                return stat.S_ISREG(found.st_mode) and (
                    is_sparse
                    or len(self.content) <= found.st_size < SPARSE_BYTES
                    and path.read_bytes().startswith(self.content)
                )
            case "directory":
                return path.name == MARK
            case "link":
                return stat.S_ISLNK(found.st_mode) and os.fsencode(os.readlink(path)) == self.content
            case "fifo":
                return stat.S_ISFIFO(found.st_mode)
            case _:
                return stat.S_ISSOCK(found.st_mode)


@dataclass(frozen=True)
class Mutation:
    """One thing that a stranger may leave.

    Attributes:
        name: for test ids.
        leave: replaces what lies at a path; what lay there is gone.
        is_content: a regular file with other bytes.
    """

    name: str
    leave: Callable[[Path], Trace]
    is_content: bool = False


def everything_below(root: Path) -> Iterator[Path]:
    """Every name below a directory. Links are not followed."""
    for parent, directories, files in os.walk(root):
        yield from (Path(parent, name) for name in (*directories, *files))


def files_below(root: Path) -> list[Path]:
    """The regular files below a directory, sorted."""
    return sorted(path for path in everything_below(root) if path.is_file() and not path.is_symlink())


def directories_below(root: Path) -> list[Path]:
    """The directories below a directory, sorted."""
    return sorted(path for path in everything_below(root) if path.is_dir() and not path.is_symlink())


def copy_of(home: Path, target: Path) -> Path:
    """A copy of a home, to be spoiled."""
    shutil.copytree(home, target, symlinks=True)
    return target


def write(path: Path, content: bytes) -> Trace:
    """Put these bytes in the place of a file."""
    _clear(path)
    path.write_bytes(content)
    path.chmod(0o600)
    return Trace("file", content)


def strange_documents(content: bytes) -> Iterator[tuple[str, bytes]]:
    """A JSON document with each value, then each name, replaced; with fields left out, added and doubled."""
    document = json.loads(content)
    for place in [*_places(document)]:
        named = ".".join(map(str, place))
        for text in VALUES:
            yield f"{named or 'all'}={text[:24]}", _spelled(document, place, text)
        if place:
            yield f"{named} is left out", json.dumps(_without(document, place)).encode()
    if isinstance(document, dict):
        yield "a field more", json.dumps({**document, "of_a_later_version": {"a": [1]}}).encode()
        doubled = json.dumps(document)
        yield "all fields twice", f"{doubled[:-1]},{doubled[1:]}".encode() if document else b"{}"


def strange_lines(content: bytes, line: int = 0) -> Iterator[tuple[str, bytes]]:
    """As `strange_documents`, for one line of a file with a document on each."""
    lines = content.splitlines()
    for name, changed in strange_documents(lines[line]):
        yield name, b"\n".join([*lines[:line], changed, *lines[line + 1 :]]) + b"\n"


@contextlib.contextmanager
def bounded_memory(limit_bytes: int = MEMORY_BYTES) -> Iterator[None]:
    """A reader that reads without end fails inside the block, instead of taking all memory."""
    try:
        import resource
    except ImportError:  # Windows
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


# -- in the place of a file ------------------------------------------------------------------------------


def _replaced_by(make: Callable[[bytes], bytes]) -> Callable[[Path], Trace]:
    def leave(path: Path) -> Trace:
        return write(path, make(path.read_bytes() if path.is_file() else b""))

    return leave


def _sparse(path: Path) -> Trace:
    _clear(path)
    with path.open("wb") as file:
        file.truncate(SPARSE_BYTES)
    return Trace("file")


def _unreadable(path: Path) -> Trace:
    content = path.read_bytes() if path.is_file() else b""
    path.chmod(0)
    return Trace("file", content)


# -- in the place of anything ----------------------------------------------------------------------------


def _directory(path: Path) -> Trace:
    _clear(path)
    path.mkdir()
    (path / MARK).write_text("1")
    return Trace("directory")


def _file(path: Path) -> Trace:
    return write(path, b"a file in the place of a directory")


def _link_to(target: str) -> Callable[[Path], Trace]:
    def leave(path: Path) -> Trace:
        _clear(path)
        text = target.format(name=path.name)
        path.symlink_to(text)
        return Trace("link", os.fsencode(text))

    return leave


def _link_to_device(minor: int, name: str) -> Callable[[Path], Trace]:
    """A link to a device of its own where the tests may replace those of the machine, as root may.

    What writes through such a link would turn `/dev/null` into a file, for everybody.
    """

    def leave(path: Path) -> Trace:
        target = f"/dev/{name}"
        target = f"{_own_devices()}/{name}" if os.access("/dev", os.W_OK) else f"/dev/{name}"
        if not os.path.lexists(target):
            try:
                os.mknod(target, stat.S_IFCHR | 0o666, os.makedev(1, minor))
            except OSError:  # a container without devices: a pipe blocks as well
                os.mkfifo(target)
        return _link_to(target)(path)

    return leave


@functools.cache
def _own_devices() -> str:
    directory = tempfile.mkdtemp(prefix="strange-devices-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return directory


def _fifo(path: Path) -> Trace:
    _clear(path)
    os.mkfifo(path)
    return Trace("fifo")


def _socket(path: Path) -> Trace:
    _clear(path)
    former = os.getcwd()
    os.chdir(path.parent)  # the path of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(".strange")
        os.rename(".strange", path.name)
    finally:
        os.chdir(former)
    return Trace("socket")


def _clear(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


_NOT_FILES: Final = (
    Mutation("a dangling link", _link_to("/nowhere/of/a/stranger")),
    Mutation("a link to a name that is free", _link_to("free name of a stranger")),
    Mutation("a link to itself", _link_to("{name}")),
    Mutation("a link to zeros without end", _link_to_device(5, "zero")),
    Mutation("a link to the null device", _link_to_device(3, "null")),
    Mutation("a fifo", _fifo),
    Mutation("a socket", _socket),
)

FILE_MUTATIONS: Final = (
    Mutation("empty", _replaced_by(lambda _: b""), is_content=True),
    Mutation("one byte", _replaced_by(lambda _: b"{"), is_content=True),
    Mutation("half of it", _replaced_by(lambda content: content[: len(content) // 2]), is_content=True),
    Mutation("all but the last byte", _replaced_by(lambda content: content[:-1]), is_content=True),
    Mutation("nulls", _replaced_by(lambda content: bytes(len(content))), is_content=True),
    Mutation("nulls behind it", _replaced_by(lambda content: content + bytes(512)), is_content=True),
    Mutation("not UTF-8", _replaced_by(lambda _: b'{"a":"\xff\xfe\xc3("}\n'), is_content=True),
    Mutation("a byte order mark", _replaced_by(lambda content: b"\xef\xbb\xbf" + content), is_content=True),
    Mutation("UTF-16", _replaced_by(lambda _: '{"format":1}'.encode("utf-16")), is_content=True),
    Mutation("a list", _replaced_by(lambda _: b"[]\n"), is_content=True),
    Mutation("an empty object", _replaced_by(lambda _: b"{}\n"), is_content=True),
    Mutation("null", _replaced_by(lambda _: b"null\n"), is_content=True),
    Mutation("text", _replaced_by(lambda _: b'"text"\n'), is_content=True),
    Mutation("a number", _replaced_by(lambda _: b"9" * 5000 + b"\n"), is_content=True),
    Mutation("NaN", _replaced_by(lambda _: b"NaN\n"), is_content=True),
    Mutation("one key twice", _replaced_by(lambda _: b'{"format":1,"format":2}\n'), is_content=True),
    Mutation("deep lists", _replaced_by(lambda _: b"[" * DEEP), is_content=True),
    Mutation("deep and whole lists", _replaced_by(lambda _: b"[" * DEEP + b"]" * DEEP), is_content=True),
    Mutation("deep objects", _replaced_by(lambda _: b'{"format":' * DEEP + b"}" * DEEP), is_content=True),
    Mutation("one long line", _replaced_by(lambda _: b"x" * LONG_LINE_BYTES), is_content=True),
    Mutation("an envelope", _replaced_by(lambda _: b'UNDERCROFT {"undercroft":1}\n\0\1\2'), is_content=True),
    Mutation(
        "of a later version",
        _replaced_by(lambda _: b'{"undercroft":99,"format":99,"schema_version":99}\n'),
        is_content=True,
    ),
    Mutation("huge and sparse", _sparse),
    Mutation("a directory", _directory),
    Mutation("unreadable", _unreadable),
    *_NOT_FILES,
)
"""Replaces a file. Skip `unreadable` where the tests run as root: it can be read then."""

DIRECTORY_MUTATIONS: Final = (Mutation("a file", _file), *_NOT_FILES)
"""Replaces a directory, with all that lies in it."""


# -- values ----------------------------------------------------------------------------------------------


def _places(value: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield place
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _places(item, (*place, name))
    elif isinstance(value, list):
        for number, item in enumerate(value[:2]):
            yield from _places(item, (*place, number))


def _spelled(document: Any, place: tuple[str | int, ...], text: str) -> bytes:
    """The document as JSON, with this text in a place; it may be none that Python's writer would write."""
    hole = "\uf8ff of a stranger"
    return json.dumps(_with(document, place, hole)).replace(json.dumps(hole), text).encode()


def _with(document: Any, place: tuple[str | int, ...], value: Any) -> Any:
    if not place:
        return value
    changed = copy.deepcopy(document)
    inner = changed
    for part in place[:-1]:
        inner = inner[part]
    inner[place[-1]] = value
    return changed


def _without(document: Any, place: tuple[str | int, ...]) -> Any:
    changed = copy.deepcopy(document)
    inner = changed
    for part in place[:-1]:
        inner = inner[part]
    del inner[place[-1]]
    return changed
