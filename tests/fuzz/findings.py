"""What a run finds, the steps that led there, and how both are kept and made small."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from tests.fuzz.file_changes import FileChange
from tests.support.lies import Kind, Protocol, Role

CORPUS: Final = Path(__file__).parent / "corpus"
READABLE_LIMIT: Final = 400
WORDS_LIMIT: Final = 900


class RequestStep(msgspec.Struct, frozen=True, tag="request"):
    """One request as it was sent.

    Attributes:
        topic: of its type.
        way: how it was made.
        is_named: a named peer sent it, not a guest.
        frames: in base64.
        readable: its event, for people.
    """

    topic: str
    way: str
    is_named: bool
    frames: list[bytes]
    readable: str = ""


class FileStep(msgspec.Struct, frozen=True, tag="file"):
    """One change of one file."""

    change: FileChange


class LieStep(msgspec.Struct, frozen=True, tag="lie"):
    """What a server lies about from then on: the fields of `tests.support.lies.Lie`.

    Attributes:
        name: of a header, or of a way to send the body.
        is_field: it is that of a header.
        place: in a JSON document, where it is about one.
        value: in base64.
    """

    protocol: Protocol
    role: Role
    kind: Kind
    name: str
    is_field: bool
    place: list[str | int]
    value: bytes
    times: int


Step = RequestStep | FileStep | LieStep


class Finding(msgspec.Struct, frozen=True):
    """A broken promise.

    Attributes:
        promise: which one: `restarted`, `not ready`, `silent`, `gone`, `memory`, `traceback`, `unfit taken`,
            `unfit reply`, `no outcome`, `exit code`.
        subject: the actor, key or topic.
        detail: for people.
    """

    promise: str
    subject: str
    detail: str

    def is_like(self, other: Finding) -> bool:
        """Whether both are the same fault."""
        return (self.promise, self.subject) == (other.promise, other.subject)

    def __str__(self) -> str:
        words = " | ".join(line.strip() for line in self.detail.splitlines())
        if len(words) > WORDS_LIMIT:  # the end of a traceback says most
            words = f"{words[: WORDS_LIMIT // 3]} ... {words[-WORDS_LIMIT * 2 // 3 :]}"
        return f"{self.promise}: {self.subject}: {words}"


class KeptCase(msgspec.Struct, frozen=True):
    """A case of the corpus: the steps, and what came of them when it was found."""

    seed: int
    found: str
    steps: list[Step]


def readable(body: bytes) -> str:
    """A body for people."""
    try:
        value: Any = msgspec.msgpack.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = body[:80]
    return repr(value)[:READABLE_LIMIT]


class Findings:
    """Findings, each kind once.

    Attributes:
        found: in the order in which they came.
    """

    def __init__(self) -> None:
        self.found: list[Finding] = []

    def add(self, finding: Finding) -> bool:
        """Take a finding; whether it is the first of its kind."""
        if any(known.is_like(finding) for known in self.found):
            return False
        self.found.append(finding)
        return True


def keep(case: KeptCase, directory: Path = CORPUS) -> Path:
    """Write a case; its name follows from what it holds, so the same one is kept once."""
    content = msgspec.json.format(msgspec.json.encode(case), indent=1)
    name = hashlib.sha256(msgspec.json.encode(case.steps)).hexdigest()[:12]
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{name}.json"
    path.write_bytes(content + b"\n")
    return path


def read(path: Path) -> KeptCase:
    """Read a case.

    Raises:
        msgspec.DecodeError: it is none.
    """
    return msgspec.json.decode(path.read_bytes(), type=KeptCase)


def smallest(
    steps: Sequence[Step], is_bad: Callable[[list[Step]], bool], tries: int
) -> tuple[list[Step], bool]:
    """The fewest of the steps that are still bad, and whether any choice was (delta debugging).

    Args:
        steps: all that may have a part in it.
        is_bad: plays some of them.
        tries: how often at most.
    """
    if tries < 1 or not is_bad(list(steps)):
        return list(steps), False
    tries -= 1
    current, parts = list(steps), 2
    while len(current) > 1 and tries > 0:
        size = -(-len(current) // parts)
        chunks = [current[at : at + size] for at in range(0, len(current), size)]
        for choice in (*chunks, *(_without(chunks, n) for n in range(len(chunks)) if len(chunks) > 2)):
            tries -= 1
            if is_bad(choice):
                current, parts = choice, max(2, parts - 1 if len(choice) > size else 2)
                break
            if tries <= 0:
                break
        else:
            if size == 1:
                break
            parts = min(len(current), parts * 2)
    return current, True


def _without(chunks: list[list[Step]], left_out: int) -> list[Step]:
    return [step for n, chunk in enumerate(chunks) if n != left_out for step in chunk]
