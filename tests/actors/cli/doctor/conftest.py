"""A home on disk that is all right, for checks to find what a test did to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actors.cli.doctor.problems import ExaminedHome
from actors.shared.durable.durable_write import make_directory
from actors.shared.locations.locations import CATEGORIES, locate


@pytest.fixture
def home(tmp_path: Path) -> ExaminedHome:
    """A home with all its directories, private and empty."""
    locations = locate("undercroft", tmp_path / "home")
    for category in CATEGORIES:
        make_directory(getattr(locations, category))
    state = locations.state
    return ExaminedHome(
        locations=locations, runtime_path=state / "runtime.json", run_directory=state / "run", now=time.time()
    )


@pytest.fixture
def change(home: ExaminedHome) -> Callable[..., ExaminedHome]:
    """Gives the same home under other circumstances."""

    def with_(**changes: Any) -> ExaminedHome:
        return replace(home, **changes)

    return with_


@pytest.fixture
def put() -> Callable[[Path, bytes | str], Path]:
    """Writes a private file."""

    def write(path: Path, content: bytes | str) -> Path:
        make_directory(path.parent)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(0o600)
        return path

    return write
