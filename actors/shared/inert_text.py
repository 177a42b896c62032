"""Text that stays text where a person opens it: in a spreadsheet, in a viewer of Markdown. Pure.

A spreadsheet carries out a cell that begins with one of FORMULA_SIGNS (OWASP, CSV injection). Which signs
begin a cell depends on the separator and the quotes that it was told to expect, so those count as beginnings,
too. A viewer of Markdown shows HTML, fetches pictures and follows links.
"""

from __future__ import annotations

import re
from typing import Final

FORMULA_SIGNS: Final = "=+@\t\r\uff1d\uff0b\uff0d\uff20-"
"""Also in full width. The minus is last, where it is no range in a pattern."""

_FORMULA: Final = re.compile(rf"""(?<!')(?:(?:^|(?<=[,;:|"\t\r\n]))'*|'+)(?=[{FORMULA_SIGNS}])""")
_ACTIVE: Final = re.compile(r"[\\`<&\[\]]")


def inert_cell(text: str) -> str:
    """The text for a cell: an apostrophe stands before each sign at which a formula could begin.

    Who reads the file takes one apostrophe away from every run of them before such a sign: docs/history.md.
    """
    return _FORMULA.sub(lambda found: f"'{found[0]}", text)


def inert_markdown(text: str) -> str:
    """The text for Markdown: what would be HTML, a link, a picture or an entity is shown as it is written."""
    return _ACTIVE.sub(r"\\\g<0>", text)
