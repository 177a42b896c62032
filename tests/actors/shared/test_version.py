"""The version in the code is the one that is released."""

from __future__ import annotations

import tomllib
from pathlib import Path

from actors.shared.version import VERSION


def test_the_code_and_the_distribution_have_one_version() -> None:
    declared = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))
    assert declared["project"]["version"] == VERSION
