"""Decides where each member of an archive goes: nowhere outside, and to no taken name. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from actors.model_downloader.staging.revisions import RECORD_NAME
from actors.shared.manifest import path_problem
from actors.shared.places.place_names import TakenPlaces
from bus.errors import UndercroftError
from schemas.manifest import Unpack

PATH_LIMIT_CHARACTERS = 200


class MemberUnfit(UndercroftError):
    """A member of an archive, or the archive as a whole, must not be unpacked.

    Attributes:
        member: its name; empty for the archive as a whole.
        reason: what was found.
    """

    member: str
    reason: str


class MemberPaths:
    """The paths of one archive's members, below the directory of the model."""

    def __init__(self, how: Unpack, taken: Iterable[str]) -> None:
        """Begin with the paths that other files of the model have.

        Args:
            how: where the manifest wants the content.
            taken: those paths, with forward slashes.
        """
        self._how = how
        self._taken = TakenPlaces([*taken, RECORD_NAME])

    def place(self, name: str, *, is_directory: bool) -> str | None:
        """Where a member goes, with forward slashes; None for a directory, and if `strip` leaves nothing.

        Raises:
            MemberUnfit: it would leave the directory, its name is taken, or means something else on some
                platform.
        """
        if name.startswith(("/", "\\")):
            raise MemberUnfit(name, "its path is absolute")
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if ".." in parts:
            raise MemberUnfit(name, "its path leaves the directory")
        parts = parts[self._how.strip :]
        if not parts:
            return None
        path = "/".join(([self._how.into] if self._how.into else []) + parts)
        if problem := path_problem(path):
            raise MemberUnfit(name, problem)
        if len(path) > PATH_LIMIT_CHARACTERS:
            raise MemberUnfit(name, f"its path is longer than {PATH_LIMIT_CHARACTERS} characters")
        if is_directory:
            return None
        if problem := self._taken.problem(path):
            raise MemberUnfit(name, problem)
        return path
