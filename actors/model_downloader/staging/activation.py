"""Makes a verified revision the active one, keeps the one before it, and goes back to it.

After a crash at any step one of the two is active, whole. The names of directories say what is intended:
`.next-<id>` was verified and is to be active, `.back-<id>` was active and is to be the former one. Records
count the activations, so that of two directories it is known which is newer. `finish` continues at the next
start from whatever a crash left. Where two directories cannot change places in one step, there is a moment
without an active revision; `finish` ends it before the downloader serves anybody.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Mapping

from actors.model_downloader.staging.models_layout import BACK_PREFIX, NEXT_PREFIX, ModelsLayout
from actors.model_downloader.staging.revisions import (
    RECORD_NAME,
    InstalledFile,
    RevisionRecord,
    read_record,
    record_of,
    write_record,
)
from actors.model_downloader.staging.staging_journal import JOURNAL_NAME, read_journal
from actors.shared.durable.atomic_exchange import exchange
from actors.shared.durable.directory_tree import directories_below, places_below
from actors.shared.durable.durable_write import DurableWriteFailed, move, sync_directory
from actors.shared.places.rooted_place import RootedPlace
from schemas.manifest import ModelEntry


def unpack_archives(layout: ModelsLayout, entry: ModelEntry) -> dict[str, list[InstalledFile]]:
    """Unpack the verified archives of a staging directory inside it; returns what each held, by its path.

    Raises:
        ArchiveRefused: one cannot be used.
        OSError: the disk refused.
    """
    archives = [file for file in entry.files if file.unpack is not None]
    if not archives:
        return {}
    from actors.model_downloader.staging.archives.archive import (
        unpack,  # late, since most models are no archives
    )

    taken = [file.path for file in entry.files]
    members: dict[str, list[InstalledFile]] = {}
    for file in archives:
        assert file.unpack is not None, "the others were left out above"
        archive, directory = layout.staged_file(entry.id, file), layout.staging(entry.id)
        found = unpack(archive, file.unpack, directory, file.path, taken)
        members[file.path] = found
        taken += [content.path for content in found]
    return members


def activate(
    layout: ModelsLayout, entry: ModelEntry, members: Mapping[str, list[InstalledFile]] | None = None
) -> RootedPlace:
    """Make a verified staging directory the model; what was active becomes the former revision.

    Args:
        layout: the directory of all models.
        entry: what the manifest says of the model.
        members: what was unpacked from its archives, by their paths.

    Returns:
        Where the model lies.

    Raises:
        OSError: a step failed. What was active still is, and the staging directory is there again; or, where
            names cannot change places, `finish` continues at the next start.
        DurableWriteFailed: the same.
    """
    staging = layout.staging(entry.id)
    known = [layout.record(entry.id), layout.former_record(entry.id)]
    sequence = max((record.sequence for record in known if record), default=0) + 1
    write_record(staging, record_of(entry, members or {}, sequence, read_journal(staging)))
    for directory in directories_below(staging):
        sync_directory(directory)
    layout.trash(layout.next(entry.id))
    move(staging, layout.next(entry.id))
    try:
        _swap(layout, entry.id)
    except (OSError, DurableWriteFailed):
        _step_back(layout, entry.id)
        raise
    return layout.installed(entry.id)


def roll_back(layout: ModelsLayout, model_id: str) -> None:
    """Make the former revision active again, and the active one the former.

    Raises:
        OSError: a step failed; one of the two is active, or will be after `finish`.
        DurableWriteFailed: the same.
    """
    active, former, back = layout.installed(model_id), layout.former(model_id), layout.back(model_id)
    if not former.is_there():
        raise DurableWriteFailed(str(former), "rename", errno.ENOENT, "there is no former revision")
    if not active.is_there():
        move(former, active)
    elif not exchange(active, former):
        layout.trash(back)
        move(active, back)
        try:
            move(former, active)
        except DurableWriteFailed:
            move(back, active)
            raise
        move(back, former)


def finish(layout: ModelsLayout) -> None:
    """Finish what a crash interrupted, before the downloader serves anybody.

    What the disk refuses is tried again at the next start.
    """
    for model_id in layout.under_way(BACK_PREFIX):
        with contextlib.suppress(OSError, DurableWriteFailed):
            _finish_roll_back(layout, model_id)
    for model_id in layout.under_way(NEXT_PREFIX):
        with contextlib.suppress(OSError, DurableWriteFailed):
            _swap(layout, model_id)


def _finish_roll_back(layout: ModelsLayout, model_id: str) -> None:
    """Bring a rollback by renames to its end."""
    active, former, back = layout.installed(model_id), layout.former(model_id), layout.back(model_id)
    if not active.is_there():
        move(former if former.is_there() else back, active)
    if back.is_there() and not former.is_there():
        move(back, former)
    layout.trash(back)


def _swap(layout: ModelsLayout, model_id: str) -> None:
    """Bring an activation to its end.

    Either `.next-<id>` is not active yet; or it is, and what lies under that name now is the former revision.
    """
    active, coming = layout.installed(model_id), layout.next(model_id)
    if _is_newer(coming, active):
        record = read_record(coming)
        _drop_strangers(coming, {content.path for content in record.contents} if record else set())
        if not active.is_there():
            move(coming, active)
        elif not exchange(coming, active):
            _retire(layout, model_id, active, read_record(coming))
            move(coming, active)
    _retire(layout, model_id, coming, read_record(active))
    layout.trash(layout.damaged(model_id))


def _is_newer(coming: RootedPlace, active: RootedPlace) -> bool:
    """Whether `.next-<id>` is yet to become active.

    Only what was installed before there were records has none.
    """
    record, serving = read_record(coming), read_record(active)
    return record is not None and (serving is None or record.sequence > serving.sequence)


def _retire(
    layout: ModelsLayout, model_id: str, place: RootedPlace, successor: RevisionRecord | None
) -> None:
    """Keep what was active as the former revision, in place of the one before it.

    What its successor merely repairs is no revision to go back to, and is removed.
    """
    if not place.is_there():
        return
    record = read_record(place)
    is_repaired = record and successor and record.promises == successor.promises
    if not place.is_dir() or is_repaired:
        layout.trash(place)
        return
    layout.trash(layout.former(model_id))
    move(place, layout.former(model_id))


def _step_back(layout: ModelsLayout, model_id: str) -> None:
    """Undo the first half of an activation whose second half failed; nothing has to be fetched again."""
    active, coming, staging = layout.installed(model_id), layout.next(model_id), layout.staging(model_id)
    if active.is_there() and _is_newer(coming, active) and not staging.is_there():
        with contextlib.suppress(DurableWriteFailed):
            move(coming, staging)


def _drop_strangers(directory: RootedPlace, contents: set[str]) -> None:
    """Remove what is not part of the model, the journal first.

    Such as archives, files with wrong bytes, and what an interrupted unpacking left.
    """
    for stranger in sorted(places_below(directory), key=lambda place: place.name != JOURNAL_NAME):
        if "/".join(stranger.parts[len(directory.parts) :]) not in contents | {RECORD_NAME}:
            stranger.unlink()
    for inner in reversed(directories_below(directory)):
        if inner != directory and not inner.names():
            inner.rmdir()
