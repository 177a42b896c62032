"""The journal of a move of all models to another directory: one small file, so that the move goes on after any crash."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from actors.shared.durable.durable_write import make_directory, remove_file, replace_file
from schemas.paths import Choosable, PathAction

JOURNAL_NAME = "relocation.json"
JOURNAL_LIMIT_BYTES = 4 * 1024 * 1024
FORMAT = 1


class RelocationJournal(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a move. Whether the new place serves already is said by the choices alone, never here.

    Attributes:
        move_id: tells it from other moves.
        category, path: the choice that is settled once everything is at the new place.
        phase: `moving`: what is at the new place is a copy. `giving_up`: the copies are being removed there
            again.
        placed: directories that were brought over and have their names there.
        placing: one that is just being given its name; what is there under it then is ours.
        adopted: directories that lay there already and match.
        wishes: models whose install goes on at the new place, where their partials stay behind.
    """

    source: str
    target: str
    action: PathAction
    category: Choosable
    path: str
    move_id: str = ""
    format: int = FORMAT
    phase: Literal["moving", "giving_up"] = "moving"
    placed: list[str] = []
    placing: str = ""
    adopted: list[str] = []
    wishes: list[str] = []


class RelocationRecord:
    """The journal on disk, in a directory that the downloader owns."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / JOURNAL_NAME

    def read(self) -> RelocationJournal | None:
        """The move that is under way; None if there is none, or none that can be read: then the old place serves, whole."""
        try:
            with self._path.open("rb") as file:
                journal = msgspec.json.decode(file.read(JOURNAL_LIMIT_BYTES + 1), type=RelocationJournal)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        return journal if journal.format == FORMAT else None

    def write(self, journal: RelocationJournal) -> None:
        """Make it durable.

        Raises:
            OSError, DurableWriteFailed: the disk does not take it.
        """
        make_directory(self._path.parent)
        replace_file(self._path, msgspec.json.encode(journal))

    def remove(self) -> None:
        """The move is over."""
        remove_file(self._path)
