"""The power fails over and over while state and settings are written: what was acknowledged is whole.

POWER_CUTS=300 python -m pytest tests/acceptance/test_power_cut_state.py -s       # the long form, as root
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import random
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.config_store.files.config_file import read_config
from actors.shared.keys.key_rules import Absent, Unlocked
from actors.state_store.documents.document_store import document_key
from tests.acceptance.test_power_cut import EXT4_IOC_SHUTDOWN, NO_LOG_FLUSH, Disk
from tests.acceptance.test_power_cut import pytestmark as privileged
from tests.support.store_load import PARTS, WRITERS, filler, store_of

pytestmark = privileged

CUTS = int(os.environ.get("POWER_CUTS", "6"))
LONGEST_LOAD_SECONDS = 0.4
TIMEOUT_SECONDS = 60.0
TESTS = Path(__file__).parents[1]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A file system whose power can be cut."""
    disk = Disk(tmp_path / "image", tmp_path / "mounted")
    yield disk
    subprocess.run(["umount", "-l", str(disk.path)], check=True)


class Log:
    """What was asked for and acknowledged, remembered where the power stays on."""

    def __init__(self) -> None:
        self.asked: dict[str, int] = {}
        self.acknowledged: dict[str, int] = {}
        self.acknowledgements = 0
        self._seen = threading.Condition()

    def read(self, lines: Iterator[bytes]) -> None:
        """Note what a load prints until it ends."""
        for line in lines:
            what, name, number = line.split()
            with self._seen:
                (self.asked if what == b"asked" else self.acknowledged)[name.decode()] = int(number)
                self.acknowledgements += what == b"acknowledged"
                self._seen.notify_all()

    def wait_for(self, acknowledgements: int) -> None:
        """Wait until this many more were noted."""
        with self._seen:
            wanted = self.acknowledgements + acknowledgements
            assert self._seen.wait_for(lambda: self.acknowledgements >= wanted, TIMEOUT_SECONDS), (
                "the load does not get anywhere"
            )

    def check(self, name: str, found: int) -> None:
        """Check that what is found was acknowledged, or is newer and was asked for."""
        acknowledged, asked = self.acknowledged.get(name, 0), self.asked.get(name, 0)
        assert acknowledged <= found <= asked, (
            f"{name}: found {found}, acknowledged {acknowledged}, asked {asked}"
        )


def check(directory: Path, log: Log) -> None:
    """Open everything as the next start would, and compare it with the log."""
    store, ring = store_of(directory)
    keys = ring.unlock()
    encrypted = log.acknowledged.get("v0") or log.acknowledged.get("v1")
    assert isinstance(keys, Unlocked) or (isinstance(keys, Absent) and not encrypted), keys
    store.start()
    assert list(store.incidents) == []
    assert [path.name for path in directory.rglob("*.corrupt*")] == []
    for name in [*(f"k{number}" for number in range(WRITERS)), "v0", "v1"]:
        value = store.load(f"{'vault' if name.startswith('v') else 'config'}.{name}").value or {
            "n": 0,
            "filler": "",
        }
        log.check(name, value["n"])
        assert value["filler"] == filler(value["n"]), f"{name} is torn"
    parts = [store.load(f"config.batch_{part}").value or {"n": 0, "filler": ""} for part in PARTS]
    assert len({part["n"] for part in parts}) == 1, f"half a batch: {[part['n'] for part in parts]}"
    n = parts[0]["n"]
    log.check("batch", n)
    assert all(part["filler"] == filler(n) for part in parts), "a part of a batch is torn"
    assert store.load("config.odd").value == (n if n % 2 else None), "half a batch"
    log.check("document", (store.load(document_key("Counter")).value or {"n": 0})["n"])
    store.close()
    assert [str(path) for path in (directory / "store").rglob("*.tmp")] == []
    for former in (directory / "store" / "backups").rglob(
        "*"
    ):  # the disk is small, and nothing here prunes backups
        if former.is_file():
            former.unlink()
    overrides = read_config(directory / "config" / "config.json")[0].overrides or {
        "first": 0,
        "second": 0,
    }
    assert overrides["first"] == overrides["second"], f"half an update: {overrides}"
    log.check("settings", overrides["first"])


@pytest.mark.requirement("S2-5", "S2-15", "S3-4", "S3-12", "S3-25", "S0-2")
def test_no_acknowledged_write_is_lost_and_nothing_is_torn_or_mixed_when_the_power_is_cut_under_load(
    disk: Disk,
) -> None:
    seed = int(os.environ.get("CUT_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
    print(f"CUT_SEED={seed}")
    dice, log = random.Random(seed), Log()
    for _ in range(CUTS):
        command = [sys.executable, "-m", "tests.support.store_load", str(disk.path), json.dumps(log.asked)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=TESTS.parent
        ) as load:
            assert load.stdout is not None
            reader = threading.Thread(target=log.read, args=(iter(load.stdout.readline, b""),))
            reader.start()
            log.wait_for(dice.randrange(1, 200))
            with contextlib.suppress(subprocess.TimeoutExpired):  # a random moment for the cut
                load.wait(dice.random() * LONGEST_LOAD_SECONDS)
            cut(disk)
            load.kill()
            reader.join(TIMEOUT_SECONDS)
        subprocess.run(["umount", str(disk.path)], check=True)
        disk.mount()
        check(disk.path, log)
    print(f"{CUTS} cuts, {log.acknowledgements} acknowledgements, the last of each: {log.acknowledged}")
    assert all(log.acknowledged.get(name) for name in ("k0", "v0", "batch", "document", "settings"))


def cut(disk: Disk) -> None:
    """From now on nothing reaches the disk, and what the journal of the file system lacks is lost."""
    descriptor = os.open(disk.path, os.O_RDONLY)
    try:
        fcntl.ioctl(descriptor, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
    finally:
        os.close(descriptor)
