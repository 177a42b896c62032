"""Looks at everything that a store keeps, and collects what is wrong instead of stopping at the first; what is damaged is repaired on request."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from typing import Final

from actors.shared.durable.directory_lock import HOLDER_NAME, LOCK_NAME
from actors.shared.durable.quarantine import SUFFIX as CORRUPT
from actors.state_store.backups.backup_names import PARTIAL
from actors.state_store.backups.backup_pack import Progress
from actors.state_store.backups.last_runs import UPKEEP_NAME
from actors.state_store.backups.repository import DIVISIONS, Vault
from actors.state_store.engine import key_paths
from actors.state_store.engine.directory_swap import RESTORING
from actors.state_store.engine.state_layout import JOURNAL, TEMPORARY, header_name
from actors.state_store.engine.store import StateStore
from actors.state_store.engine.value_codec import Damaged
from actors.state_store.errors import LoadFailed, StateError, ValidationFailed
from schemas.backups import FINDING_LIMIT, Finding, FindingKind

SEVERE: Final[frozenset[FindingKind]] = frozenset({"damaged", "unreadable", "missing", "journal", "backup"})
OURS: Final = frozenset({"backups", JOURNAL, RESTORING, LOCK_NAME, HOLDER_NAME, UPKEEP_NAME})


@dataclass
class Report:
    """What a check found. Of `findings` only the first FINDING_LIMIT are kept; `total` counts all."""

    checked: int = 0
    backups: int = 0
    findings: list[Finding] = field(default_factory=list)
    total: int = 0
    is_sound: bool = True

    def add(
        self, kind: FindingKind, path: str, key: str, problem: str, repair: str = "", evidence: str = ""
    ) -> None:
        """Take in a finding."""
        self.total += 1
        self.is_sound = self.is_sound and (kind not in SEVERE or bool(repair))
        if len(self.findings) < FINDING_LIMIT:
            self.findings.append(
                Finding(kind=kind, path=path, key=key, problem=problem, repair=repair, evidence=evidence)
            )


class Inspector:
    """Checks one store and its backups. For a thread; others read and write meanwhile."""

    def __init__(
        self, store: StateStore, vault: Vault, *, repair: bool = False, progress: Progress = lambda _: None
    ) -> None:
        self._store = store
        self._vault = vault
        self._repair = repair
        self._progress = progress
        self._report = Report()
        self._locked = 0
        self._put_aside: set[str] = set()

    def documents(self) -> Report:
        """Look at every key, every file beside them, the journal, and what a restore may have left.

        Raises:
            StoreBroken, OSError: the store itself cannot be looked at.
        """
        for key in self._store.index.snapshot():
            self._progress(1)
            self._report.checked += 1
            self._look_at(key)
        if self._locked:
            self._report.add(
                "locked",
                "",
                "",
                f"{self._locked} encrypted documents are whole as far as can be seen without their key",
            )
        with self._store.alone():  # nothing is being written, so what looks left over is
            for directory in sorted({place.partition("/")[0] for place in self._store.tree.places()}):
                self._walk(directory)
            self._look_around()
        return self._report

    def backups(self) -> Report:
        """Read every backup from end to end; one that is damaged is put aside.

        Raises:
            OSError: the place of the backups cannot be read.
        """
        listed = self._vault.listed()
        for fault in listed.faults:
            self._backup(fault.id, fault.problem, can_move="later version" not in fault.problem)
        for manifest in listed.manifests:
            self._report.backups += 1
            faults = self._vault.verify(manifest.id, self._progress)
            broken = next((fault for fault in faults if "already" not in fault.problem), None)
            if broken is not None:
                self._backup(manifest.id, broken.problem, can_move=True)
            elif faults:
                names = ", ".join(fault.key for fault in faults[:3])
                self._report.add(
                    "backup",
                    self._place(manifest.id),
                    "",
                    f"it holds {len(faults)} documents that were damaged when it was made: {names}",
                )
        for division in DIVISIONS:
            for name in sorted(os.listdir(self._vault.root / division)):
                if CORRUPT in name and str(self._vault.root / division / name) not in self._put_aside:
                    self._report.add(
                        "evidence",
                        f"backups/{division}/{name}",
                        "",
                        "put aside as damaged; remove it once you looked at it",
                    )
                elif name.endswith(PARTIAL):
                    self._report.add(
                        "temporary",
                        f"backups/{division}/{name}",
                        "",
                        "a backup that is being made, or was never finished",
                    )
        return self._report

    # -- keys
    # ------------------------------------------------------------------------------------------------------

    def _look_at(self, key: str) -> None:
        try:
            content = self._store.content(key)
            if content is None:
                self._missing(key)
                return
            try:
                found = self._store.opener.open(key, content)
            except LoadFailed as error:
                if not error.is_locked:
                    self._report.add("too_new", key_paths.path_of(key), key, error.reason)
                    return
                self._locked += 1
                self._store.opener.look(key, content)
                return
            if found.read_only:
                self._report.add(
                    "too_new",
                    key_paths.path_of(key),
                    key,
                    "a later version of the app wrote it; it can be read and not replaced",
                )
        except OSError as error:
            self._report.add("unreadable", key_paths.path_of(key), key, error.strerror or str(error))
        except ValidationFailed as error:
            self._report.add("schema", key_paths.path_of(key), key, str(error))
        except Damaged as damaged:
            self._damaged(key, damaged.problem)

    def _missing(self, key: str) -> None:
        with self._store.alone():
            if key not in self._store.index or self._store.content(key) is not None:
                return  # it was deleted or written meanwhile
            repaired = self._store.repair(key) if self._repair and self._store.repair is not None else None
            if repaired is not None and self._store.put_back(key, repaired):
                self._report.add(
                    "missing",
                    key_paths.path_of(key),
                    key,
                    "its file is gone",
                    f"brought back from {repaired.source}",
                )
                return
            if self._repair:
                self._store.index.drop(key)
            self._report.add(
                "missing",
                key_paths.path_of(key),
                key,
                "its file is gone",
                "no copy was found; the key is forgotten" if self._repair else "",
            )

    def _damaged(self, key: str, problem: str) -> None:
        try:
            if not self._repair:
                with self._store.alone():
                    content = self._store.content(key)
                    if content is not None:
                        self._store.opener.look(key, content)  # it may have been replaced meanwhile
                        self._store.opener.open(key, content)
                return
            found = self._store.load(key)
            if found.evidence:
                self._put_aside.add(found.evidence)
                repair = (
                    f"repaired from {found.repaired_from}"
                    if found.repaired_from
                    else "no good copy was found; it begins anew"
                )
                self._report.add("damaged", key_paths.path_of(key), key, problem, repair, found.evidence)
        except Damaged as damaged:
            self._report.add("damaged", key_paths.path_of(key), key, damaged.problem)
        except (StateError, OSError) as error:
            self._report.add("damaged", key_paths.path_of(key), key, f"{problem}; {error}")

    # -- files beside them
    # -----------------------------------------------------------------------------------------

    def _walk(self, directory: str) -> None:
        namespace = next(
            (namespace for namespace, named in key_paths.DIRECTORIES.items() if named == directory), directory
        )
        for division in ("", *key_paths.DIVISIONS.get(namespace, ())):
            place = key_paths.directory_of(namespace, division)
            with os.scandir(self._store.tree.path(place)) as entries:
                for entry in sorted(entries, key=lambda one: one.name):
                    if not (
                        entry.is_dir(follow_symlinks=False)
                        and entry.name in key_paths.DIVISIONS.get(namespace, ())
                    ):
                        self._stranger(namespace, division, f"{place}/{entry.name}")

    def _stranger(self, namespace: str, division: str, relative: str) -> None:
        name = relative.rpartition("/")[2]
        path = self._store.tree.path(relative)
        key = key_paths.key_of(namespace, division, name) or (
            header_name(str(path)) if key_paths.is_cut(name) else None
        )
        if key is not None and key in self._store.index:
            return
        if CORRUPT in name:
            if str(path) not in self._put_aside:
                self._report.add(
                    "evidence", relative, "", "put aside as damaged; remove it once you looked at it"
                )
        elif name.endswith(TEMPORARY):
            if self._repair:
                with contextlib.suppress(OSError):
                    os.unlink(path)
            self._report.add(
                "temporary",
                relative,
                "",
                "left by a write that was interrupted and never acknowledged",
                "removed" if self._repair else "",
            )
        elif key is not None and key.startswith(f"{namespace}."):
            self._unlisted(key, relative)
        else:
            self._report.add(
                "unknown_file",
                relative,
                "",
                "it is none of the store's files; it is left alone, and in no backup",
            )

    def _unlisted(self, key: str, relative: str) -> None:
        try:
            entry = self._store.opener.look(key, self._store.content(key) or b"")
        except (Damaged, OSError) as error:
            self._report.add(
                "unknown_file",
                relative,
                key,
                f"it was put there behind the store's back, and is no document of that key: {error}",
            )
            return
        if self._repair:
            self._store.index.put(key, entry)
        taken = "taken in" if self._repair else ""
        self._report.add(
            "unlisted",
            relative,
            key,
            "it was put there behind the store's back; it counts from the next start on",
            taken,
        )

    def _look_around(self) -> None:
        ours = {place.partition("/")[0] for place in self._store.tree.places()} | OURS
        for name in sorted(os.listdir(self._store.root)):
            if name not in ours:
                self._report.add(
                    "unknown_file", name, "", "it is none of the store's; it is left alone, and in no backup"
                )
        if (self._store.root / RESTORING).exists():
            self._report.add(
                "restore",
                RESTORING,
                "",
                "a restore is under way, or was interrupted; the next start finishes or forgets it",
            )
        for path in sorted((self._store.root / JOURNAL).iterdir()):
            if CORRUPT in path.name:
                self._report.add(
                    "evidence",
                    f"{JOURNAL}/{path.name}",
                    "",
                    "records of the journal that could not be read at a start",
                )
        for path in self._store.damaged_segments():
            self._report.add(
                "journal",
                f"{JOURNAL}/{path.name}",
                "",
                "records in it cannot be read; what they changed lies in its files, which are synced soon",
            )

    # -- backups
    # ---------------------------------------------------------------------------------------------------

    def _backup(self, id: str, problem: str, *, can_move: bool) -> None:
        evidence = ""
        if self._repair and can_move:
            with contextlib.suppress(Exception):
                evidence = str(self._vault.put_aside(id))
                self._put_aside.add(evidence)
        self._report.add("backup", self._place(id), "", problem, "put aside" if evidence else "", evidence)

    def _place(self, id: str) -> str:
        return f"backups/{self._vault.directory(id).relative_to(self._vault.root).as_posix()}"
