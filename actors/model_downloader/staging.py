"""The models on disk: staging directories, activation by one rename, removal. A half-installed model is never visible."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import stat
from pathlib import Path

from actors.model_downloader.boot import boot_id
from actors.model_downloader.journal import JOURNAL_NAME, JournalFile, read_journal, reconcile
from actors.model_downloader.pace import resume_position
from actors.storage.durable import make_directory, move, remove_file, sync_directory
from bus.errors import UndercroftError
from schemas.manifest import FilePromise, ModelEntry

STAGING_SUFFIX = ".partial"
DAMAGED_SUFFIX = ".damaged"
ASIDE_SUFFIX = ".mismatch"
TRASH_PREFIX = ".trash-"
_SAFE_ID = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?")


class UnsafeModelId(UndercroftError):
    """An id that would lead out of the models directory, or into another model's staging directory."""

    def __init__(self, model_id: str) -> None:
        super().__init__(model_id)
        self.model_id = model_id

    def __str__(self) -> str:
        return f"{self.model_id!r} is no id of a model: expected lower-case letters, digits, dots and dashes"


class ModelRoot:
    """The directory of all models, which one downloader owns.

    Attributes:
        path: the directory; each model has one below it, named by its id.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def installed(self, model_id: str) -> Path:
        """Where a model lies once it is verified."""
        return self.path / _safe(model_id)

    def staging(self, model_id: str) -> Path:
        """Where it lies until then."""
        return self.path / (_safe(model_id) + STAGING_SUFFIX)

    def damaged(self, model_id: str) -> Path:
        """Where it is put out of use when it no longer keeps its promise."""
        return self.path / (_safe(model_id) + DAMAGED_SUFFIX)

    def prepare(self) -> None:
        """Create the directory, and finish removals that a crash interrupted."""
        make_directory(self.path)
        for entry in self.path.iterdir():
            if entry.name.startswith(TRASH_PREFIX):
                _delete(entry)

    def wishes(self) -> list[str]:
        """Ids of all staging directories, whether their install is to go on or not."""
        if not self.path.is_dir():
            return []
        names = (entry.name.removesuffix(STAGING_SUFFIX) for entry in self.path.iterdir() if entry.name.endswith(STAGING_SUFFIX))
        return sorted(name for name in names if _SAFE_ID.fullmatch(name))

    def open_staging(self, entry: ModelEntry) -> JournalFile:
        """The journal of a model's staging directory, both created if missing, and durable on return.

        Files are measured and cut back to what can be trusted, so that afterwards their lengths and the journal agree.

        Raises:
            OSError, DurableWriteFailed: the disk does not take it.
        """
        directory = self.staging(entry.id)
        make_directory(directory)
        found = read_journal(directory)
        book = JournalFile(directory, reconcile(entry, found))
        boot, fetched = boot_id(), 0
        for promise in entry.files:
            state = book.journal.file(promise.path)
            known = found is not None and state.url != ""
            same_boot = known and boot is not None and book.journal.boot == boot
            durable = _settle(self.staged_file(entry.id, promise), promise, state.durable_bytes if known else None, same_boot)
            fetched += max(0, durable - state.durable_bytes) if known else 0
            book.change_file(promise.path, durable_bytes=durable)
        book.change(boot=boot, fetched_bytes=book.journal.fetched_bytes + fetched)
        book.save()
        return book

    def staged_file(self, model_id: str, promise: FilePromise) -> Path:
        """Where a file is written until it is verified."""
        return self.staging(model_id) / promise.path

    def set_aside(self, model_id: str, promise: FilePromise) -> Path | None:
        """Keep a file whose bytes are not those promised, but never build upon it; only the newest such file is kept."""
        staged = self.staged_file(model_id, promise)
        aside = staged.with_name(staged.name + ASIDE_SUFFIX)
        try:
            move(staged, aside)
        except UndercroftError:
            remove_file(staged)
            return None
        return aside

    def activate(self, entry: ModelEntry) -> Path:
        """Let a verified staging directory become the model, in one rename; returns where the model is.

        The journal goes first. Should the process die before the rename, the directory is a wish without a journal, whose
        files are complete: it is verified again and activated.

        Raises:
            OSError, DurableWriteFailed: the rename failed; the staging directory is still there.
        """
        staging, target = self.staging(entry.id), self.installed(entry.id)
        promised = {file.path for file in entry.files}
        for stranger in _files(staging):
            if stranger.relative_to(staging).as_posix() not in promised:
                stranger.unlink()
        _sync_tree(staging)
        if os.path.lexists(target):
            self._trash(target)
        move(staging, target)
        if os.path.lexists(self.damaged(entry.id)):
            self._trash(self.damaged(entry.id))
        return target

    def put_out_of_use(self, model_id: str) -> Path:
        """Take a damaged model's name away, without deleting anything but an earlier damaged copy."""
        damaged = self.damaged(model_id)
        if os.path.lexists(damaged):
            self._trash(damaged)
        move(self.installed(model_id), damaged)
        return damaged

    def drop_staging(self, model_id: str) -> int:
        """Remove the partial of a model; returns how many bytes that freed."""
        return self._purge(self.staging(model_id))

    def purge(self, model_id: str) -> int:
        """Remove everything of a model; returns how many bytes that freed. Its name is gone before the first byte is."""
        return sum(self._purge(place) for place in self._places(model_id))

    def size_bytes(self, model_id: str) -> int:
        """Bytes on disk of everything of a model."""
        return sum(_tree_bytes(place) for place in self._places(model_id))

    def keeps_sizes(self, entry: ModelEntry) -> bool:
        """Whether every file of an installed model is there with its length; says nothing of the bytes."""
        directory = self.installed(entry.id)
        return all(_regular_size(directory / file.path) == file.size_bytes for file in entry.files)

    def free_bytes(self) -> int:
        """Space left on the disk of the models."""
        return shutil.disk_usage(self.path).free

    def _places(self, model_id: str) -> list[Path]:
        return [self.installed(model_id), self.staging(model_id), self.damaged(model_id)]

    def _purge(self, place: Path) -> int:
        if not os.path.lexists(place):
            return 0
        freed = _tree_bytes(place)
        self._trash(place)
        return freed

    def _trash(self, place: Path) -> None:
        trash = self.path / f"{TRASH_PREFIX}{place.name}-{secrets.token_hex(4)}"
        move(place, trash)
        _delete(trash)


def _safe(model_id: str) -> str:
    if not _SAFE_ID.fullmatch(model_id) or model_id.endswith((STAGING_SUFFIX, DAMAGED_SUFFIX)):
        raise UnsafeModelId(model_id)
    return model_id


def _settle(path: Path, promise: FilePromise, journaled_bytes: int | None, same_boot: bool) -> int:
    """Cut a staged file back to what can be trusted and make that durable; returns how many bytes it is.

    Of a file that no journal speaks of only a complete one is kept, for the verifier to judge.
    """
    found = _regular_size(path)
    if found is None:
        if os.path.lexists(path):
            _delete(path)
        return 0
    keep = resume_position(journaled_bytes, found, promise.size_bytes, same_boot) if journaled_bytes is not None else 0
    if found == promise.size_bytes and journaled_bytes is None:
        keep = found
    if keep == 0 and found:
        remove_file(path)
        return 0
    with path.open("r+b") as file:
        if keep != found:
            file.truncate(keep)
        os.fsync(file.fileno())
    return keep


def _regular_size(path: Path) -> int | None:
    """Length of a regular file that is not reached over a link; None if there is none."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _files(directory: Path) -> list[Path]:
    """Everything below a directory that is not a directory itself, the journal first; links are not followed."""
    found = [Path(parent) / name for parent, _, names in os.walk(directory) for name in names]
    links = [Path(parent) / name for parent, names, _ in os.walk(directory) for name in names if (Path(parent) / name).is_symlink()]
    return sorted([*found, *links], key=lambda path: path.name != JOURNAL_NAME)


def _sync_tree(directory: Path) -> None:
    for parent, _, _ in os.walk(directory):
        sync_directory(Path(parent))


def _tree_bytes(place: Path) -> int:
    if place.is_symlink() or not place.is_dir():
        return _regular_size(place) or 0
    return sum(_regular_size(path) or 0 for path in _files(place))


def _delete(place: Path) -> None:
    """Delete a file or a tree; what cannot be deleted now is tried again at the next start."""
    if place.is_symlink() or not place.is_dir():
        with contextlib.suppress(OSError):
            place.unlink()
    else:
        shutil.rmtree(place, ignore_errors=True)
