"""Makes a verified revision the active one, keeps the one before it, and goes back to it: after a crash at any step one of both is active, whole.

The names of directories are the intention: `.next-<id>` was verified and is to be active, `.back-<id>` was
active and is to be the former one. Records count the activations, so that of two directories it is known
which is newer. `finish`
at the next start goes on from whatever a crash left. Where two directories cannot trade their names in one
step, there is
a moment without an active revision; a crash in it is finished before anybody is served.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Mapping
from pathlib import Path

from actors.model_downloader.staging.models_layout import BACK_PREFIX, NEXT_PREFIX, ModelsLayout, files_below
from actors.model_downloader.staging.revisions import (
    RECORD_NAME,
    InstalledFile,
    RevisionRecord,
    read_record,
    record_of,
    write_record,
)
from actors.model_downloader.staging.staging_journal import read_journal
from actors.shared.durable.atomic_exchange import exchange
from actors.shared.durable.durable_write import DurableWriteFailed, move, sync_directory
from schemas.manifest import ModelEntry


def unpack_archives(root: ModelsLayout, entry: ModelEntry) -> dict[str, list[InstalledFile]]:
    """Unpack the verified archives of a staging directory inside it; returns what came out of each, by its path.

    Raises:
        ArchiveRefused: one cannot be used.
        OSError: the disk does not take it.
    """
    archives = [file for file in entry.files if file.unpack is not None]
    if not archives:
        return {}
    from actors.model_downloader.staging.archive import unpack  # most models are no archives

    taken = [file.path for file in entry.files]
    members: dict[str, list[InstalledFile]] = {}
    for file in archives:
        assert file.unpack is not None, "the others were left out above"
        found = unpack(
            root.staged_file(entry.id, file), file.unpack, root.staging(entry.id), file.path, taken
        )
        members[file.path] = found
        taken += [content.path for content in found]
    return members


def activate(
    root: ModelsLayout, entry: ModelEntry, members: Mapping[str, list[InstalledFile]] | None = None
) -> Path:
    """Let a verified staging directory become the model; what was active becomes the former revision. Returns where the model is.

    `members` is what came out of its archives, by their paths.

    Raises:
        OSError, DurableWriteFailed: a step failed. What was active still is, and the staging directory is
            there again; or, where names cannot trade places, `finish` goes on at the next start.
    """
    staging = root.staging(entry.id)
    known = [record.sequence for record in (root.record(entry.id), root.former_record(entry.id)) if record]
    write_record(staging, record_of(entry, members or {}, max(known, default=0) + 1, read_journal(staging)))
    for parent, _, _ in os.walk(staging):
        sync_directory(Path(parent))
    root.trash(root.next(entry.id))
    move(staging, root.next(entry.id))
    try:
        _swap(root, entry.id)
    except (OSError, DurableWriteFailed):
        _step_back(root, entry.id)
        raise
    return root.installed(entry.id)


def roll_back(root: ModelsLayout, model_id: str) -> None:
    """Let the former revision be active again, and the active one be the former.

    Raises:
        OSError, DurableWriteFailed: a step failed; one of both is active, or will be after `finish`.
    """
    active, former, back = root.installed(model_id), root.former(model_id), root.back(model_id)
    if not os.path.lexists(former):
        raise DurableWriteFailed(str(former), "rename", errno.ENOENT, "there is no former revision")
    if not os.path.lexists(active):
        move(former, active)
    elif not exchange(active, former):
        root.trash(back)
        move(active, back)
        try:
            move(former, active)
        except DurableWriteFailed:
            move(back, active)
            raise
        move(back, former)


def finish(root: ModelsLayout) -> None:
    """Finish what a crash interrupted. Called before anybody is served; what the disk does not take is tried again at the next start."""
    for model_id in root.under_way(BACK_PREFIX):
        with contextlib.suppress(OSError, DurableWriteFailed):
            _go_on_back(root, model_id)
    for model_id in root.under_way(NEXT_PREFIX):
        with contextlib.suppress(OSError, DurableWriteFailed):
            _swap(root, model_id)


def _go_on_back(root: ModelsLayout, model_id: str) -> None:
    """Bring a rollback by renames to its end."""
    active, former, back = root.installed(model_id), root.former(model_id), root.back(model_id)
    if not os.path.lexists(active):
        move(former if os.path.lexists(former) else back, active)
    if os.path.lexists(back) and not os.path.lexists(former):
        move(back, former)
    root.trash(back)


def _swap(root: ModelsLayout, model_id: str) -> None:
    """Bring `.next-<id>` to its end, from wherever it is: not active yet, or active and what lies there is the former one."""
    active, coming = root.installed(model_id), root.next(model_id)
    if _is_newer(coming, active):
        record = read_record(coming)
        _drop_strangers(coming, {content.path for content in record.contents} if record else set())
        if not os.path.lexists(active):
            move(coming, active)
        elif not exchange(coming, active):
            _retire(root, model_id, active, read_record(coming))
            move(coming, active)
    _retire(root, model_id, coming, read_record(active))
    root.trash(root.damaged(model_id))


def _is_newer(coming: Path, active: Path) -> bool:
    """Whether what lies at `.next-<id>` is yet to become active. Only what was installed before there were records has none."""
    record, serving = read_record(coming), read_record(active)
    return record is not None and (serving is None or record.sequence > serving.sequence)


def _retire(root: ModelsLayout, model_id: str, place: Path, successor: RevisionRecord | None) -> None:
    """Keep what was active as the former revision, in place of the one before it.

    What its successor merely repairs is no revision to go back to, and is removed.
    """
    if not os.path.lexists(place):
        return
    record = read_record(place)
    if (
        place.is_symlink()
        or not place.is_dir()
        or (record and successor and record.promises == successor.promises)
    ):
        root.trash(place)
        return
    root.trash(root.former(model_id))
    move(place, root.former(model_id))


def _step_back(root: ModelsLayout, model_id: str) -> None:
    """Undo the first half of an activation whose second half was not possible, so that nothing has to be fetched again."""
    active, coming, staging = root.installed(model_id), root.next(model_id), root.staging(model_id)
    if os.path.lexists(active) and _is_newer(coming, active) and not os.path.lexists(staging):
        with contextlib.suppress(DurableWriteFailed):
            move(coming, staging)


def _drop_strangers(directory: Path, contents: set[str]) -> None:
    """Remove whatever is not part of the model: journal, archives, what was set aside, what an interrupted unpacking left."""
    for stranger in files_below(directory):
        if stranger.relative_to(directory).as_posix() not in contents | {RECORD_NAME}:
            stranger.unlink()
    for parent, _, _ in os.walk(directory, topdown=False):
        if Path(parent) != directory and not os.listdir(parent):
            os.rmdir(parent)
