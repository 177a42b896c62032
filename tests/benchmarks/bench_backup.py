"""A full backup of many documents, and its restore; against tar with zstd and sha256sum."""

from __future__ import annotations

import functools
import random
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from actors.shared.crypto.envelope import seal
from actors.state_store.backups.consistent_copy import ConsistentCopy
from actors.state_store.backups.repository import BackupRepository
from actors.state_store.backups.restore import BackupRestore
from actors.state_store.engine.store import StateStore
from tests.benchmarks.measure import Benchmark, Contestant, Sample, Target, main

DOCUMENTS, DOCUMENTS_QUICK = 10_000, 200
WORDS_EACH = 2_900
"""So a document has 20 kB, and all of them 200 MB."""


@functools.cache
def tree(count: int) -> tempfile.TemporaryDirectory[str]:
    """A store with so many documents of random words; made once, removed at the end."""
    directory = tempfile.TemporaryDirectory()
    root = Path(directory.name) / "store"
    StateStore(root).start().close()
    chance = random.Random(1)
    words = [
        "".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(3, 9))) for _ in range(5_000)
    ]
    for number in range(count):
        value = {"n": number, "text": " ".join(chance.choices(words, k=WORDS_EACH))}
        content = seal(
            value, schema="", schema_version=1, revision=number + 1, now=0.0, name=f"config.key-{number}"
        )
        (root / "config" / f"key-{number}.json").write_bytes(content)
    return directory


def undercroft(count: int) -> Sample:
    """A durable backup that is read back, of a store that others may write meanwhile; then its restore."""
    store = StateStore(Path(tree(count).name) / "store").start()
    repository = BackupRepository(store.root / "backups")
    copier = ConsistentCopy(store, {})
    began = time.perf_counter()
    made, _ = repository.create("manual", "", copier.fill)
    took = time.perf_counter() - began
    began = time.perf_counter()
    found = BackupRestore(store, repository, {}).run(made.id)
    restored = time.perf_counter() - began
    assert found.unchanged == count
    for one in (made.id, found.saved_as):
        repository.remove(one)
    store.close()
    return {"seconds": took, "restore_seconds": restored, "mb": made.pack_bytes / 1e6}


def tar(count: int) -> Sample:
    """`tar --zstd`, then `sha256sum`: neither durable nor read back."""
    directory = Path(tree(count).name)
    archive = directory / "archive.tar.zst"
    began = time.perf_counter()
    subprocess.run(["tar", "--zstd", "-cf", archive, "-C", directory / "store", "config"], check=True)
    subprocess.run(["sha256sum", archive], check=True, stdout=subprocess.DEVNULL)
    took = time.perf_counter() - began
    size = archive.stat().st_size
    archive.unlink()
    return {"seconds": took, "mb": size / 1e6}


def build(is_quick: bool) -> Benchmark:
    """A full backup of many documents, and its restore; against tar with zstd and sha256sum."""
    count = DOCUMENTS_QUICK if is_quick else DOCUMENTS
    missing = next(
        (
            f"{program} is not installed"
            for program in ("tar", "zstd", "sha256sum")
            if shutil.which(program) is None
        ),
        "",
    )
    return Benchmark(
        name="backup",
        title="Backup of many documents",
        contestants=[
            Contestant("undercroft", lambda: undercroft(count)),
            Contestant("tar-zstd-sha256sum", lambda: tar(count), missing),
        ],
        targets=[Target("seconds", 0.7, at_least=False, peer="tar-zstd-sha256sum")],
        notes=[f"{count} documents of 20 kB; ours is synced and read back, that of tar is not"],
    )


if __name__ == "__main__":
    main("bench_backup", build)
