"""A home on disk that is all right, for checks to find what a test did to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actors.cli.doctor.problems import Place
from actors.shared.durable.durable_write import make_directory
from actors.shared.locations.locations import CATEGORIES, locate


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """All directories are there, private and empty."""
    home = tmp_path / "home"
    locations = locate("undercroft", home)
    for category in CATEGORIES:
        make_directory(getattr(locations, category))
    state = locations.state
    return Place(
        locations=locations, runtime_path=state / "runtime.json", run_directory=state / "run", now=time.time()
    )


@pytest.fixture
def change(place: Place) -> Callable[..., Place]:
    """The same place with other circumstances."""

    def with_(**changes: Any) -> Place:
        return replace(place, **changes)

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
