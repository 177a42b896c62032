"""Where the history of a home lies: its files, its keys and its audit log. For threads."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from actors.history.segments.segment_catalog import KEPT_NAME
from bus.errors import OperatorError

if TYPE_CHECKING:
    from actors.history.engine import HistoryEngine
    from actors.history.segments.segment_keys import SegmentKeys
    from actors.shared.audit.audit_log import AuditLog
    from actors.shared.keys.key_ring import KeyRing

HISTORY: Final = "history"
ANCHORS: Final = "anchors"
AUDIT: Final = "history-audit"


class HistoryLocked(OperatorError):
    """The keys of the history are not available.

    Attributes:
        reason: why not, and what to do.
    """

    reason: str
    words = "{reason}"


class HistoryHome:
    """The files of one history. Reads and creates nothing before it is asked to."""

    def __init__(self, state: Path, ring: KeyRing | None = None) -> None:
        """Name the directories.

        Args:
            state: directory with the state of the app.
            ring: None for the key ring of this home.
        """
        self.directory = state / HISTORY
        self.anchors = state / ANCHORS
        self._state = state
        self._ring = ring

    def open(self, *, encrypts: bool) -> HistoryEngine:
        """Open the history on disk, ready to be loaded.

        Raises:
            HistoryLocked: the keys are not available; nothing was changed.
            OSError, DurableWriteFailed, FileUnreadable: the disk refused.
        """
        from actors.history.engine import HistoryEngine
        from actors.history.segments.segment_store import SegmentStore
        from actors.shared.crypto.envelope_errors import KeyUnavailable

        segments = SegmentStore(self.directory, self.anchors, self._keys(encrypts=encrypts))
        try:
            segments.open()
        except KeyUnavailable as error:
            segments.abandon()
            raise HistoryLocked(error.reason) from error
        except BaseException:
            segments.abandon()
            raise
        return HistoryEngine(segments, encrypts=encrypts)

    def left_bytes(self) -> int:
        """Return the size of the files that are there."""
        from actors.history.segments.segment_files import history_files

        sizes = 0
        for path in history_files(self.directory, self.anchors):
            with contextlib.suppress(OSError):
                sizes += path.lstat().st_size
        return sizes

    @property
    def is_kept(self) -> bool:
        """Whether the user said that the files stay there in memory mode."""
        try:
            return (self.anchors / KEPT_NAME).is_file()
        except OSError:
            return False

    def keep(self) -> None:
        """Record that the files stay.

        Raises:
            OSError, DurableWriteFailed: it is not recorded.
        """
        from actors.shared.durable.durable_write import make_own_directory, replace_file
        from actors.shared.durable.quarantine import claim_file

        make_own_directory(self.anchors)
        claim_file(self.anchors / KEPT_NAME)
        replace_file(self.anchors / KEPT_NAME, b"kept\n")

    def forget_kept(self) -> None:
        """Drop that record: the files are in use again, or gone."""
        with contextlib.suppress(OSError):  # at worst, memory mode does not tell of the files again
            (self.anchors / KEPT_NAME).unlink()

    def purge(self) -> int:
        """Delete all files and return their number. Needs no key.

        Raises:
            OSError: some files are left.
        """
        from actors.history.segments.segment_files import delete_history_files

        self.forget_kept()
        return delete_history_files(self.directory, self.anchors)

    def audit(self, who: str, did: str, outcome: str) -> None:
        """Record in the audit log what was deleted or changed, never its text.

        Raises:
            AuditNotWritten, OSError, DurableWriteFailed: it is not recorded.
        """
        with self._audit_log() as log:
            log.record(who, did, HISTORY, outcome)

    def _keys(self, *, encrypts: bool) -> SegmentKeys:
        """Unlock the key ring if keys are needed."""
        from actors.history.segments.segment_keys import SegmentKeys
        from actors.shared.crypto.envelope_errors import KeyUnavailable
        from actors.shared.keychain.keychain_choice import KeychainRefused
        from actors.shared.keys.key_ring import open_ring
        from actors.shared.keys.key_store import holds_ciphertext

        if not encrypts and not holds_ciphertext(self.directory):
            return SegmentKeys(None, encrypts=False)
        try:
            self._ring = self._ring or open_ring(self._state)
            self._ring.unlock(make=encrypts)
            self._ring.current()
        except KeychainRefused as error:
            raise HistoryLocked(str(error)) from error
        except KeyUnavailable as error:
            advice = f"; {self._ring.report().advice}" if self._ring else ""
            raise HistoryLocked(f"{error.reason}{advice}") from error
        return SegmentKeys(self._ring, encrypts=encrypts)

    @contextlib.contextmanager
    def _audit_log(self) -> Iterator[AuditLog]:
        from actors.shared.audit.audit_log import AuditLog

        log = AuditLog(self._state / AUDIT, self._state / "keys" / f"{AUDIT}.head.json")
        log.open(time.time())
        try:
            yield log
        finally:
            log.close()
