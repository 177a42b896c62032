"""Where the history of a home lies, and its keys. For threads."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from actors.history.segments.catalog import KEPT_NAME

if TYPE_CHECKING:
    from actors.history.engine import Keeper
    from actors.shared.audit.audit_log import AuditLog
    from actors.shared.keys.key_ring import KeyRing

HISTORY: Final = "history"
ANCHORS: Final = "anchors"
AUDIT: Final = "history-audit"


class Home:
    """The files of one history; nothing is read or made before it is asked for."""

    def __init__(self, state: Path, ring: KeyRing | None = None) -> None:
        """Args: ring: None for the keys of this home."""
        self.directory = state / HISTORY
        self.anchors = state / ANCHORS
        self._state = state
        self._ring = ring

    def open(self, *, encrypts: bool) -> Keeper | str:
        """The history on disk, ready to be loaded; or why its keys are not to be had, in words.

        Raises:
            OSError, DurableWriteFailed, FileUnreadable: the disk does not take it.
        """
        from actors.history.engine import Keeper
        from actors.history.segments.segment_keys import Vault
        from actors.history.segments.segment_store import Journal
        from actors.shared.crypto.envelope_errors import KeyUnavailable
        from actors.shared.keys.key_ring import open_ring
        from actors.shared.keys.key_store import holds_ciphertext
        from actors.shared.keys.keychain_choice import KeychainRefused

        needs_keys = encrypts or holds_ciphertext(self.directory)
        if needs_keys:
            try:
                self._ring = self._ring or open_ring(self._state)
                self._ring.unlock(make=encrypts)
                self._ring.current()
            except KeychainRefused as error:
                return str(error)
            except KeyUnavailable as error:
                return f"{error.reason}; {self._ring.report().advice}" if self._ring else error.reason
        journal = Journal(
            self.directory, self.anchors, Vault(self._ring if needs_keys else None, encrypts=encrypts)
        )
        try:
            journal.open()
        except KeyUnavailable as error:
            journal.let_go()
            return error.reason
        except BaseException:
            journal.let_go()
            raise
        return Keeper(journal, encrypts=encrypts)

    def left_bytes(self) -> int:
        """Size of the files that lie there."""
        from actors.history.segments.segment_files import files_of

        return sum(path.stat().st_size for path in files_of(self.directory, self.anchors))

    @property
    def is_kept(self) -> bool:
        """Whether a person said that the files are to stay there in memory mode."""
        return (self.anchors / KEPT_NAME).exists()

    def keep(self) -> None:
        """Note that they are to stay.

        Raises:
            OSError, DurableWriteFailed: it is not noted.
        """
        from actors.shared.durable.durable_write import make_directory, replace_file

        make_directory(self.anchors)
        replace_file(self.anchors / KEPT_NAME, b"kept\n")

    def forget_kept(self) -> None:
        """The files are in use again, or gone."""
        (self.anchors / KEPT_NAME).unlink(missing_ok=True)

    def purge(self) -> int:
        """Delete all files; how many. Needs no key.

        Raises:
            OSError: not all of them are gone.
        """
        from actors.history.segments.segment_files import purge

        self.forget_kept()
        return purge(self.directory, self.anchors)

    def note(self, who: str, did: str, outcome: str) -> None:
        """Note in the audit log what was deleted or changed; never what it said.

        Raises:
            AuditNotWritten, OSError, DurableWriteFailed: it is not noted.
        """
        with self._audit() as log:
            log.record(who, did, HISTORY, outcome)

    @contextmanager
    def _audit(self) -> Iterator[AuditLog]:
        from actors.shared.audit.audit_log import AuditLog

        log = AuditLog(self._state / AUDIT, self._state / "keys" / f"{AUDIT}.head.json")
        log.open(time.time())
        try:
            yield log
        finally:
            log.close()
