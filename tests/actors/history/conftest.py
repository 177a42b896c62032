"""Histories that crash in these tests leave descriptors, which the end of a process would close."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.descriptors import let_go


@pytest.fixture(autouse=True)
def closed_afterwards(tmp_path: Path) -> Iterator[None]:
    """No descriptor outlives its test."""
    yield
    let_go(tmp_path)
