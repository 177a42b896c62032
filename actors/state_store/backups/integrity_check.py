"""Checks everything that a store keeps, collects all findings, and repairs damage on request."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from typing import Final

from actors.shared.durable.directory_lock import HOLDER_NAME, LOCK_NAME
from actors.shared.durable.durable_write import DurableWriteFailed
from actors.shared.durable.quarantine import SUFFIX as CORRUPT
from actors.state_store.backups.format.backup_names import PARTIAL
from actors.state_store.backups.format.backup_pack import PackProgress
from actors.state_store.backups.last_runs import UPKEEP_NAME
from actors.state_store.backups.repository import DAMAGED_BEFORE, DIVISIONS, BackupRepository
from actors.state_store.engine import key_paths
from actors.state_store.engine.files.directory_swap import RESTORING
from actors.state_store.engine.files.state_layout import JOURNAL, TEMPORARY, header_name
from actors.state_store.engine.store import StateStore
from actors.state_store.engine.values.value_codec import DocumentDamaged
from actors.state_store.errors import LoadFailed, StateError, ValidationFailed
from bus.error_words import in_words
from schemas.backups import FINDING_LIMIT, Finding, FindingKind

SEVERE: Final[frozenset[FindingKind]] = frozenset({"damaged", "unreadable", "missing", "journal", "backup"})
OURS: Final = frozenset({"backups", JOURNAL, RESTORING, LOCK_NAME, HOLDER_NAME, UPKEEP_NAME})
ASIDE: Final = "put aside as damaged; remove it once you have looked at it"


@dataclass
class CheckReport:
    """What a check found; fields as in StateCheckedEvent. `findings` has at most FINDING_LIMIT of `total`."""

    checked: int = 0
    backups: int = 0
    findings: list[Finding] = field(default_factory=list)
    total: int = 0
    is_sound: bool = True

    def add(
        self,
        kind: FindingKind,
        path: str,
        problem: str,
        *,
        key: str = "",
        repair: str = "",
        evidence: str = "",
    ) -> None:
        """Add a finding."""
        self.total += 1
        self.is_sound = self.is_sound and (kind not in SEVERE or bool(repair))
        if len(self.findings) < FINDING_LIMIT:
            self.findings.append(
                Finding(
                    kind=kind,
                    path=_spelled(path),
                    key=key,
                    problem=_spelled(problem),
                    repair=repair,
                    evidence=evidence,
                )
            )

    def add_document(
        self, kind: FindingKind, key: str, problem: str, repair: str = "", evidence: str = ""
    ) -> None:
        """Add a finding about the file of a key."""
        self.add(kind, key_paths.path_of(key), problem, key=key, repair=repair, evidence=evidence)


def _spelled(text: str) -> str:
    """A text of which file names are a part, with what UTF-8 cannot express spelled out."""
    return text.encode("utf-8", "backslashreplace").decode()


class IntegrityCheck:
    """Checks one store and its backups. For a thread; others read and write meanwhile."""

    def __init__(
        self,
        store: StateStore,
        repository: BackupRepository,
        *,
        repair: bool = False,
        progress: PackProgress = lambda _: None,
    ) -> None:
        """Nothing is checked yet.

        Args:
            store: what is checked.
            repository: its backups.
            repair: repair damage, and remove left-overs.
            progress: called after each document.
        """
        self._store = store
        self._repository = repository
        self._repair = repair
        self._progress = progress
        self._report = CheckReport()
        self._locked = 0
        self._put_aside: set[str] = set()

    def check_documents(self) -> CheckReport:
        """Check every key, the files beside them, the journal, and what a restore may have left.

        Raises:
            StoreBroken, OSError: the store itself cannot be checked.
        """
        for key in self._store.index.snapshot():
            self._progress(1)
            self._report.checked += 1
            self._check_key(key)
        if self._locked:
            problem = f"{self._locked} encrypted documents are whole as far as their keys are not needed"
            self._report.add("locked", "", problem)
        with self._store.exclusive():  # nothing is being written, so temporary files are left over
            for directory in sorted({place.partition("/")[0] for place in self._store.layout.places()}):
                self._check_directory(directory)
            self._check_root()
            self._check_journal()
        return self._report

    def check_backups(self) -> CheckReport:
        """Read every backup from end to end; with `repair`, a damaged one is put aside.

        Raises:
            OSError: the backups cannot be read.
        """
        listing = self._repository.listing()
        for fault in listing.faults:
            self._add_backup(fault.id, fault.problem, can_move=fault.id not in listing.too_new)
        for id in listing.unfinished:
            self._add_unfinished(id)
        for manifest in listing.manifests:
            self._report.backups += 1
            faults = self._repository.verify(manifest.id, self._progress)
            broken = next((fault for fault in faults if DAMAGED_BEFORE not in fault.problem), None)
            if broken is not None:
                self._add_backup(manifest.id, broken.problem, can_move=True)
            elif faults:
                names = ", ".join(fault.key for fault in faults[:3])
                problem = f"it holds {len(faults)} documents that were damaged when it was made: {names}"
                self._report.add("backup", self._path_of_backup(manifest.id), problem)
        for division in DIVISIONS:
            for name in sorted(os.listdir(self._repository.root / division)):
                path = f"backups/{division}/{name}"
                if CORRUPT in name and str(self._repository.root / division / name) not in self._put_aside:
                    self._report.add("evidence", path, ASIDE)
                elif name.endswith(PARTIAL):
                    self._report.add("temporary", path, "a backup that is being made, or was never finished")
        return self._report

    # -- keys ----------------------------------------------------------------------------------------------

    def _check_key(self, key: str) -> None:
        try:
            content = self._store.content(key)
        except DocumentDamaged as damaged:
            self._check_damaged(key, damaged.problem)
            return
        except LoadFailed as error:
            self._report.add_document("unreadable", key, error.reason)
            return
        if content is None:
            self._check_missing(key)
            return
        try:
            try:
                found = self._store.codec.open(key, content)
            except LoadFailed as error:
                if not error.is_locked:
                    self._report.add_document("too_new", key, error.reason)
                    return
                self._locked += 1
                self._store.codec.look(key, content)
                return
            if found.read_only:
                problem = "a later version of the app wrote it; it can be read, but not replaced"
                self._report.add_document("too_new", key, problem)
        except ValidationFailed as error:
            self._report.add_document("schema", key, str(error))
        except DocumentDamaged as damaged:
            self._check_damaged(key, damaged.problem)

    def _check_missing(self, key: str) -> None:
        with self._store.exclusive():
            if key not in self._store.index or os.path.lexists(
                self._store.layout.path(key_paths.path_of(key))
            ):
                return  # it was deleted or written meanwhile
            copy = self._store.good_copy(key) if self._repair else None
            repair = ""
            if copy is not None and self._store.put_back(key, copy):
                repair = f"brought back from {copy.source}"
            elif self._repair:
                self._store.index.drop(key)
                repair = "no copy was found; the key is forgotten"
            self._report.add_document("missing", key, "its file is gone", repair)

    def _check_damaged(self, key: str, problem: str) -> None:
        try:
            if not self._repair:
                self._look_again(key)
                return
            found = self._store.load(key)
            if found.evidence:
                self._put_aside.add(found.evidence)
                repair = (
                    f"repaired from {found.repaired_from}"
                    if found.repaired_from
                    else "no good copy was found; the key begins empty"
                )
                self._report.add_document("damaged", key, problem, repair, found.evidence)
        except DocumentDamaged as damaged:
            self._report.add_document("damaged", key, damaged.problem)
        except (StateError, OSError) as error:
            self._report.add_document("damaged", key, f"{problem}; {in_words(error)}")

    def _look_again(self, key: str) -> None:
        """Read a damaged document once more: it may have been replaced meanwhile."""
        with self._store.exclusive():
            content = self._store.content(key)
            if content is not None:
                self._store.codec.look(key, content)
                self._store.codec.open(key, content)

    # -- other files ---------------------------------------------------------------------------------------

    def _check_directory(self, directory: str) -> None:
        namespace = key_paths.namespace_in(directory)
        divisions = key_paths.DIVISIONS.get(namespace, ())
        for division in ("", *divisions):
            place = key_paths.directory_of(namespace, division)
            with os.scandir(self._store.layout.path(place)) as entries:
                for entry in sorted(entries, key=lambda one: one.name):
                    if not (entry.is_dir(follow_symlinks=False) and entry.name in divisions):
                        self._check_other(namespace, division, f"{place}/{entry.name}")

    def _check_other(self, namespace: str, division: str, relative: str) -> None:
        """Check a file that may belong to no key."""
        name = relative.rpartition("/")[2]
        path = self._store.layout.path(relative)
        key = key_paths.key_of(namespace, division, name) or (
            header_name(str(path)) if key_paths.is_cut(name) else None
        )
        if key is not None and key in self._store.index:
            return
        if CORRUPT in name:
            if str(path) not in self._put_aside:
                self._report.add("evidence", relative, ASIDE)
        elif name.endswith(TEMPORARY):
            if self._repair:
                with contextlib.suppress(OSError):
                    os.unlink(path)
            problem = "left by a write that was interrupted and never acknowledged"
            self._report.add("temporary", relative, problem, repair="removed" if self._repair else "")
        elif key is not None and key.startswith(f"{namespace}."):
            self._check_unlisted(key, relative)
        else:
            problem = "it is not one of the store's files; it is left alone, and is in no backup"
            self._report.add("unknown_file", relative, problem)

    def _check_unlisted(self, key: str, relative: str) -> None:
        """Check a file of a key that appeared without the store."""
        origin = "another program put it there"
        try:
            entry = self._store.codec.look(key, self._store.content(key) or b"")
        except (DocumentDamaged, LoadFailed) as error:
            problem = f"{origin}, and it is not a document of that key: {error}"
            self._report.add("unknown_file", relative, problem, key=key)
            return
        if self._repair:
            self._store.index.put(key, entry)
        problem = f"{origin}; it counts from the next start on"
        self._report.add("unlisted", relative, problem, key=key, repair="added" if self._repair else "")

    def _check_root(self) -> None:
        ours = {place.partition("/")[0] for place in self._store.layout.places()} | OURS
        for name in sorted(os.listdir(self._store.root)):
            if name not in ours:
                problem = "it does not belong to the store; it is left alone, and is in no backup"
                self._report.add("unknown_file", name, problem)
        if (self._store.root / RESTORING).exists():
            problem = "a restore is under way, or was interrupted; the next start finishes or removes it"
            self._report.add("restore", RESTORING, problem)

    def _check_journal(self) -> None:
        for path in sorted((self._store.root / JOURNAL).iterdir()):
            if CORRUPT in path.name:
                problem = "records of the journal that could not be read at a start"
                self._report.add("evidence", f"{JOURNAL}/{path.name}", problem)
        for path in self._store.damaged_segments():
            problem = "records in it cannot be read; the files hold what they changed, and are synced soon"
            self._report.add("journal", f"{JOURNAL}/{path.name}", problem)

    # -- backups -------------------------------------------------------------------------------------------

    def _add_backup(self, id: str, problem: str, *, can_move: bool) -> None:
        evidence = ""
        path = self._path_of_backup(id)
        if self._repair and can_move:
            with contextlib.suppress(Exception):
                evidence = str(self._repository.put_aside(id))
                self._put_aside.add(evidence)
        repair = "put aside" if evidence else ""
        self._report.add("backup", path, problem, repair=repair, evidence=evidence)

    def _add_unfinished(self, id: str) -> None:
        evidence = ""
        if self._repair:
            with contextlib.suppress(OSError, DurableWriteFailed):
                evidence = str(self._repository.put_aside(id))
                self._put_aside.add(evidence)
        problem = "it has no manifest, so it is no backup: a cut left it while it was made or removed"
        repair = "put aside" if evidence else ""
        self._report.add("temporary", self._path_of_backup(id), problem, repair=repair, evidence=evidence)

    def _path_of_backup(self, id: str) -> str:
        return f"backups/{self._repository.directory(id).relative_to(self._repository.root).as_posix()}"
