"""Real runtimes that leave nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.runtime_process import RuntimeProcess

Start = Callable[..., RuntimeProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts runtimes of a profile on one home."""
    started: list[RuntimeProcess] = []

    def run(profile: Path, home: Path | None = None, *arguments: str) -> RuntimeProcess:
        started.append(RuntimeProcess(home or tmp_path / "home", profile, *arguments))
        return started[-1]

    yield run
    for runtime in started:
        runtime.clean_up()
