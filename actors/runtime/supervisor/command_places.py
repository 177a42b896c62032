"""Puts directories in the place of `{profile}`, `{home}` and `{python}` in what starts a program. Pure."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PLACEHOLDER: Final = re.compile(r"\{(profile|home|python)\}")


@dataclass(frozen=True)
class CommandPlaces:
    """What the placeholders stand for. Any other braces are left alone.

    Attributes:
        profile: directory of the profile.
        home: directory with everything of the app; where the platform's directories are in use, that of its
            state. Empty: not known here, so `{home}` stays.
        python: the interpreter that runs Undercroft. In a frozen program there is none, so `{python}` stays.
    """

    profile: Path
    home: str = ""
    python: str = "" if getattr(sys, "frozen", False) else sys.executable

    def fill(self, text: str) -> str:
        """The text with what its placeholders stand for."""
        values = {"profile": str(self.profile), "home": self.home, "python": self.python}
        return PLACEHOLDER.sub(lambda found: values[found[1]] or found[0], text)
