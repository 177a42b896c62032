"""Finds what lies beside the installed models: partials, and what was put out of use."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from actors.model_downloader.staging.models_layout import DAMAGED_SUFFIX, STAGING_SUFFIX, ModelsLayout
from actors.model_downloader.staging.staging_journal import JOURNAL_NAME, StagingState, read_journal
from schemas.manifest import ModelEntry
from schemas.models import PartialFound


def find_leftovers(root: ModelsLayout, entries: Mapping[str, ModelEntry], now: float) -> list[PartialFound]:
    """Everything of that kind, also of models that the manifest no longer names. States are those on disk.

    Args:
        root: the directory of models.
        entries: the models of the manifest, by id.
        now: seconds since the Unix epoch.
    """
    found = []
    with contextlib.suppress(OSError):
        for place in sorted(root.path.iterdir()):
            if place.is_symlink() or not place.is_dir():
                continue
            if place.name.endswith(STAGING_SUFFIX):
                found.append(_partial(place, entries, now))
            elif place.name.endswith(DAMAGED_SUFFIX):
                found.append(_damaged(place, entries, now))
    return found


def place_of(root: ModelsLayout, found: PartialFound) -> Path:
    """Where it lies."""
    return root.staging(found.model_id) if found.kind == "partial" else root.damaged(found.model_id)


def _partial(place: Path, entries: Mapping[str, ModelEntry], now: float) -> PartialFound:
    model_id = place.name.removesuffix(STAGING_SUFFIX)
    journal, entry = read_journal(place), entries.get(model_id)
    promised = entry.size_bytes if entry else sum(file.size_bytes for file in journal.files) if journal else 0
    return PartialFound(
        model_id=model_id,
        kind="partial",
        state="paused" if journal and journal.paused and journal.wanted else "partial",
        size_bytes=_disk_bytes(place),
        durable_bytes=journal.durable_bytes if journal else 0,
        promised_bytes=promised,
        age_seconds=max(0.0, now - _changed_at(place)),
        url_hosts=_hosts(journal) if journal else [],
        is_wanted=journal.wanted if journal else entry is not None,
    )


def _damaged(place: Path, entries: Mapping[str, ModelEntry], now: float) -> PartialFound:
    model_id = place.name.removesuffix(DAMAGED_SUFFIX)
    return PartialFound(
        model_id=model_id,
        kind="damaged",
        state="damaged",
        size_bytes=_disk_bytes(place),
        durable_bytes=0,
        promised_bytes=entries[model_id].size_bytes if model_id in entries else 0,
        age_seconds=max(0.0, now - _changed_at(place)),
    )


def _hosts(journal: StagingState) -> list[str]:
    hosts = [urlsplit(file.url).hostname or "this machine" for file in journal.files if file.url]
    return list(dict.fromkeys(hosts))


def _changed_at(place: Path) -> float:
    """When something was last added: the journal is replaced with every step, and a directory changes when it is renamed into place."""
    times = [0.0]
    for path in (place, place / JOURNAL_NAME):
        with contextlib.suppress(OSError):
            times.append(path.lstat().st_mtime)
    return max(times)


def _disk_bytes(place: Path) -> int:
    """Bytes that its files take on disk; holes take none, where the platform counts blocks."""
    total = 0
    for parent, _, names in os.walk(place):
        for name in names:
            with contextlib.suppress(OSError):
                found = (Path(parent) / name).lstat()
                if stat.S_ISREG(found.st_mode):
                    total += (
                        min(found.st_size, found.st_blocks * 512)
                        if hasattr(found, "st_blocks")
                        else found.st_size
                    )
    return total
