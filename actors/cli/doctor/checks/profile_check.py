"""Whether the profile of the app has mistakes, as `undercroft check` finds them."""

from __future__ import annotations

from typing import Final

from actors.cli.doctor.problems import ExaminedHome, Problem, error, warning
from actors.cli.profile_check.judging_process import NotJudged, ProfileJudgement
from actors.cli.profile_check.mistake import Mistake
from actors.shared.profile.profile import BUNDLED_DIRECTORY

CHECK: Final = "profile"
LIMIT_SECONDS: Final = 30.0


def look(home: ExaminedHome) -> list[Mistake]:
    """The mistakes of the profile; none of a bundled one, and none where another check names the fault."""
    if home.profile is None or home.profile.directory.is_relative_to(BUNDLED_DIRECTORY):
        return []
    try:
        return ProfileJudgement(home.profile.directory).mistakes(LIMIT_SECONDS)
    except NotJudged:
        return []


def check(mistakes: list[Mistake]) -> list[Problem]:
    """One problem for each of them."""
    return [
        (error if mistake.blocks else warning)(
            check=CHECK,
            what=f"the profile has a mistake: {mistake.problem}",
            where=f"{mistake.file}: {mistake.place}" if mistake.place else mistake.file,
            advice=mistake.cure,
        )
        for mistake in mistakes
    ]
