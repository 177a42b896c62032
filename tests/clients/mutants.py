"""The rules of the protocol page, each with a change to the Python client that breaks it: mutants.json."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec


class Mutant(msgspec.Struct, frozen=True):
    """A client that breaks one rule.

    Attributes:
        rule: what the page says, in short.
        module: file of the client that is changed.
        old, new: the lines that are replaced; they stand there once.
        scenarios: names of those that have to turn red.
        driver: that of the client which breaks it.
        is_classic: one of the thirteen rules that a client could once break without any red scenario.
    """

    rule: str
    module: str
    old: list[str]
    new: list[str]
    scenarios: list[str]
    is_classic: bool = False
    driver: str = "aio_driver.py"


MUTANTS: Final = msgspec.json.decode(Path(__file__).with_suffix(".json").read_bytes(), type=list[Mutant])
