"""The disk is full: each write is refused by name, and all is well once there is space."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.state_store.engine.operations import Save
from actors.state_store.engine.store import StateStore
from actors.state_store.errors import SaveFailed, StateError

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.platform != "linux" or os.geteuid() != 0, reason="mounts a small disk: Linux, root"
    ),
]
WRITES = 3600
MIB = 1 << 20


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of eight megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m,mode=0700", "tmpfs", str(disk)],
        check=False,
        capture_output=True,
    ).returncode:
        pytest.skip("a tmpfs cannot be mounted here")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def save(store: StateStore, key: str, value: object) -> StateError | None:
    (outcome,) = store.commit([[Save(key, value)]])
    return outcome if isinstance(outcome, StateError) else None


@pytest.mark.requirement("S3-12", "S3-13", "S3-25")
def test_while_the_disk_is_full_writes_are_refused_by_name_and_then_everything_is_right_again(
    small: Path,
) -> None:
    store = StateStore(small / "store").start()
    model: dict[str, object] = {f"config.k{number}": "old" for number in range(20)}
    for key, value in model.items():
        assert save(store, key, value) is None
    filler = small / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass
    refused = 0
    for number in range(WRITES):
        key, value = f"config.k{number % 20}", f"{number}" * 100
        error = save(store, key, value)
        if error is None:
            model[key] = value  # what fits into a free page is saved, and then it counts
            continue
        refused += 1
        assert isinstance(error, SaveFailed)
        assert key in str(error)
        assert "No space left" in str(error)
        if number % 600 == 0:
            store.checkpoint()
            assert {key: store.load(key).value for key in model} == model
    assert refused > WRITES // 2
    assert list(small.rglob("*.tmp")) == []
    filler.unlink()
    for key in model:
        model[key] = "new" * MIB if key == "config.k0" else "new"
        assert save(store, key, model[key]) is None
    assert {key: store.load(key).value for key in model} == model
    store.close()
    store = StateStore(small / "store").start()
    assert {key: store.load(key).value for key in model} == model
    assert list(store.incidents) == []
    store.close()
