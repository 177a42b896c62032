"""A real power cut while entries are added, edited and deleted loses nothing that was acknowledged."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.test_power_cut import Disk
from tests.acceptance.test_power_cut import pytestmark as privileged
from tests.support.descriptors import let_go
from tests.support.history_lab import add, edit, engine_of, entry, losses, remove, texts

pytestmark = privileged
CYCLES = 8


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A file system whose power can be cut."""
    disk = Disk(tmp_path / "image", tmp_path / "mounted")
    yield disk
    subprocess.run(["umount", "-l", str(disk.path)], check=True)


@pytest.mark.requirement("S0-12", "S3-25")
@pytest.mark.parametrize("encrypts", [True, False])
def test_every_acknowledged_entry_is_there_after_each_cut(disk: Disk, encrypts: bool) -> None:
    seed = int(os.environ.get("CUT_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
    print(f"CUT_SEED={seed}")
    dice = random.Random(seed)
    root, known, next_number = disk.path / "state", dict[int, str](), 0
    for _ in range(CYCLES):
        engine = engine_of(root, encrypts=encrypts, limit_bytes=1500)
        assert texts(engine) == [known[number] for number in sorted(known)]
        assert losses(engine.findings) == []
        for _ in range(dice.randrange(1, 15)):
            match dice.choice(["add", "add", "add", "edit", "remove", "work"]):
                case "add":
                    add(engine, [next_number])
                    known[next_number] = entry(next_number).text
                    next_number += 1
                case "edit" if known:
                    number = dice.choice(list(known))
                    engine.commit([edit(number, f"edited {next_number}")])
                    known[number] = f"edited {next_number}"
                case "remove" if known:
                    number = dice.choice(list(known))
                    engine.commit([remove(number)])
                    del known[number]
                case _:
                    engine.work()
        if dice.random() < 0.3:
            engine.close()
        else:
            newest = max((root / "history").glob("*.jsonl"), default=root / "none")
            with newest.open("ab") as file:
                file.write(b'{"seq":99,"kind":"batch","af')  # written, neither synced nor acknowledged
            let_go(root)
        disk.cut_power()
    assert next_number > CYCLES
