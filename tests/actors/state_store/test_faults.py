"""Each system call of each write fails or is the last one: old or new, no left-overs, the next write works.

ALL_FAULTS=1 python -m pytest tests/actors/state_store/test_faults.py      # every fault; without, a part of
them
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import BaseModel

from actors.shared.profile.profile import NamespaceTable
from actors.state_store.documents.document_store import DocumentStore
from actors.state_store.documents.document_types import document_kinds
from actors.state_store.engine.namespaces import Namespaces
from actors.state_store.engine.operations import Save
from actors.state_store.engine.store import StateStore
from actors.state_store.errors import StateError
from tests.support.syscall_faults import Fault, Outcome, Scene, faults_of, needs_strace, play

pytestmark = [pytest.mark.slow, needs_strace]

THINNED: Final = 1 if os.environ.get("ALL_FAULTS") else 10
"""Of so many faults one is played; no multiple of the number of effects, so that each effect has its turn."""

SETUP: Final = """
from pathlib import Path
from pydantic import BaseModel
from actors.shared.profile.profile import NamespaceTable
from actors.state_store.documents.document_store import DocumentStore
from actors.state_store.errors import StateError
from actors.state_store.documents.document_types import document_kinds
from actors.state_store.engine.namespaces import Namespaces
from actors.state_store.engine.operations import Delete, Save
from actors.state_store.engine.store import StateStore
class Marks(BaseModel):
    labels: tuple[str, ...] = ()
def opened(directory):
    return StateStore(directory, Namespaces([NamespaceTable(name='notes')])).start()
def write(*steps):
    (outcome,) = store.commit([steps])
    if isinstance(outcome, StateError):
        raise outcome
store = opened(root)
documents = DocumentStore(store, document_kinds([Marks]))
write(Save('notes.a', 'old'), Save('notes.b', 'old'), Save('notes.c', 'old'))
documents.write(Marks(labels=('old',)))
"""
OLD: Final = {"notes.a": "old", "notes.b": "old", "notes.c": "old", "Marks": ["old"]}


class Marks(BaseModel):
    """The typed document of the scenes."""

    labels: tuple[str, ...] = ()


SCENES: Final[dict[str, tuple[Scene, dict[str, Any], str]]] = {
    "save": (
        Scene(SETUP, "write(Save('notes.a', 'new', backup=True))", "write(Save('notes.a', 'again'))"),
        {"notes.a": "new"},
        "notes.a",
    ),
    "batch": (
        Scene(
            SETUP,
            "write(Save('notes.a', 'new'), Save('notes.b', 'new'), Delete('notes.c'))",
            "write(Save('notes.a', 'again'))",
        ),
        {"notes.a": "new", "notes.b": "new", "notes.c": None},
        "notes.",
    ),
    "document": (
        Scene(SETUP, "documents.write(Marks(labels=('new',)))", "write(Save('notes.a', 'again'))"),
        {"Marks": ["new"]},
        "Marks",
    ),
    "checkpoint": (Scene(SETUP, "store.checkpoint()", "write(Save('notes.a', 'again'))"), {}, ""),
    "close": (Scene(SETUP, "store.close()", "store = opened(root); write(Save('notes.a', 'again'))"), {}, ""),
    "start": (
        Scene(
            SETUP + "\nstore._lock.release(); store = None",
            "store = opened(root)",
            "store = store or opened(root); write(Save('notes.a', 'again'))",
        ),
        {},
        "",
    ),
}
"""By name: the scene, what is new after it, and what its errors name."""


def content_of(store: StateStore) -> dict[str, Any]:
    """What the scenes write."""
    documents = DocumentStore(store, document_kinds([Marks]))
    return {key: store.load(key).value for key in ("notes.a", "notes.b", "notes.c")} | {
        "Marks": list(documents.read(Marks).labels)
    }


def thinned(faults: Iterator[Fault]) -> Iterator[Fault]:
    """Some of them, spread evenly."""
    return itertools.islice(faults, 0, None, THINNED)


def opened(root: Path) -> StateStore:
    """The store as the next start has it."""
    return StateStore(root, Namespaces([NamespaceTable(name="notes")])).start()


@pytest.mark.requirement("S3-12", "S3-13", "S3-25", "S3-27", "S2-5", "S0-2")
@pytest.mark.parametrize("name", SCENES)
def test_whatever_call_fails_or_is_the_last_state_is_old_or_new_and_the_next_write_works(
    tmp_path: Path, name: str
) -> None:
    scene, changes, names = SCENES[name]
    numbers = itertools.count()

    def prepare() -> Path:
        directory = tmp_path / str(next(numbers))
        directory.mkdir()
        return directory

    met = 0
    for fault in thinned(faults_of(scene, prepare)):
        directory = prepare()
        outcome = play(scene, directory, fault)
        met += outcome.injected
        check(directory, outcome, fault, {**OLD, **changes}, names)
    assert met, "no fault came to pass"


def check(directory: Path, outcome: Outcome, fault: Fault, new: dict[str, Any], names: str) -> None:
    """See what became of it."""
    what = f"{fault}: {outcome.error} {outcome.again}"
    has_failed = bool(outcome.error[0])
    is_over = outcome.error[0] == "StoreBroken" or outcome.again[0] == "StoreBroken"
    if has_failed and names:
        assert names in outcome.error[1], what
    if not outcome.killed and not is_over and names:
        assert outcome.again == ("", ""), what
        assert list(directory.rglob("*.tmp")) == [], what
    store = opened(directory)
    assert list(directory.rglob("*.tmp")) == [], what
    found = content_of(store)
    if outcome.killed or is_over:
        assert found in (OLD, new), what
    elif not names:  # another thread probes the disk of the backups, and may have met the fault, too
        assert found in (OLD, {**OLD, "notes.a": "again"}), what
    else:
        expected = OLD if has_failed else new
        assert found == {**expected, "notes.a": "again"}, what
    (next_one,) = store.commit([[Save("notes.a", "next")]])
    assert not isinstance(next_one, StateError), what
    store.close()
    store = opened(directory)
    assert store.load("notes.a").value == "next", what
    store.close()
