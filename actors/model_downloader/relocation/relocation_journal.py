"""The journal of a move of all models: one small file, from which it continues after any crash."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from actors.shared.durable.record_file import RecordFile
from actors.shared.places.rooted_place import placed
from schemas.bounds import NAME, Count, Identifier, Many, OneName, PlaceText, Word, whole
from schemas.paths import Choosable, PathAction

JOURNAL_NAME: Final = "relocation.json"
JOURNAL_LIMIT_BYTES: Final = 4 * 1024 * 1024
FORMAT: Final = 1


class RelocationJournal(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a move. The choices alone say whether the new place serves already.

    Attributes:
        move_id: tells it from other moves.
        category, path: the choice that is settled once everything is at the new place.
        phase: `moving`: what is at the new place is a copy. `giving_up`: the copies there are being removed.
        placed: directories that were copied and have their names at the new place.
        placing: one that is just getting its name; what lies under that name then is ours.
        adopted: directories that lay there already and match.
        wishes: models whose install goes on at the new place, where their partials stay behind.
    """

    source: PlaceText
    target: PlaceText
    action: PathAction
    category: Choosable
    path: PlaceText
    move_id: Identifier = ""
    format: Count = FORMAT
    phase: Literal["moving", "giving_up"] = "moving"
    placed: Many[OneName] = []
    placing: Annotated[str, msgspec.Meta(max_length=1024, pattern=whole(f"(?:{NAME})?"))] = ""
    adopted: Many[OneName] = []
    wishes: Many[Word] = []


def relocation_record(state: Path) -> RecordFile[RelocationJournal]:
    """The journal on disk. One that cannot be read counts as none: the old place then serves, whole.

    Args:
        state: a directory that the downloader owns; created if missing.
    """
    return RecordFile(
        placed(state) / JOURNAL_NAME,
        RelocationJournal,
        limit_bytes=JOURNAL_LIMIT_BYTES,
        format=FORMAT,
        creates_directory=True,
    )
