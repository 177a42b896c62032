"""Everything that a report is made from. A part that is not available is None, and `missing` says why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec

from schemas.config import SettingExplained
from schemas.history import HistoryStatusEvent
from schemas.keys import KeysReport
from schemas.models import ModelsListedEvent, PartialsListedEvent
from schemas.operations.alerts import Alert
from schemas.operations.bus import BusStatisticsEvent
from schemas.operations.logs import LogRingReadEvent
from schemas.operations.metrics import MetricsReportedEvent
from schemas.operations.supervision import LogsReportedEvent, SupervisorStatusEvent
from schemas.paths import PathsListedEvent
from schemas.readiness import ReadinessReportedEvent
from schemas.state import StateHealthReportedEvent


class RuntimeFileState(msgspec.Struct, frozen=True, kw_only=True):
    """What `runtime.json` says, without its token.

    Attributes:
        state: `stale`: the process that wrote it has ended.
        pid: of the supervisor.
        started_at: seconds since the Unix epoch.
        detail: why the file cannot be read; empty if it can.
    """

    state: Literal["absent", "unreadable", "stale", "alive"]
    pid: int | None = None
    started_at: float | None = None
    detail: str = ""


class ConfigFileState(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of `config.json`, without its values.

    Attributes:
        exists: whether there is such a file.
        fault: why it cannot be used; empty if it can, or if it does not exist.
        put_aside: names of earlier files that were quarantined.
    """

    exists: bool
    fault: str = ""
    put_aside: list[str] = []


class StorageUse(msgspec.Struct, frozen=True, kw_only=True):
    """How much space one category of files takes.

    Attributes:
        category: such as `models`.
        path: its directory.
        exists: whether the directory exists.
        files: number of files.
        size_bytes: size of these files.
        is_complete: False if there was no time to count all files.
        free_bytes: free space on the disk of the directory; None if unknown.
        total_bytes: size of that disk; None if unknown.
    """

    category: str
    path: str
    exists: bool
    files: int = 0
    size_bytes: int = 0
    is_complete: bool = True
    free_bytes: int | None = None
    total_bytes: int | None = None


class EvidenceFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file whose existence says something; `changed_at` in seconds since the Unix epoch."""

    path: str
    size_bytes: int
    changed_at: float


class DiskIntegrity(msgspec.Struct, frozen=True, kw_only=True):
    """Traces of damage and of unfinished work on disk.

    Attributes:
        damaged: files that were quarantined.
        journals: work that is finished after a crash.
        verified: for each model the number of its verified files, and when the oldest of them was verified.
    """

    damaged: list[EvidenceFile]
    journals: list[EvidenceFile]
    verified: dict[str, tuple[int, float]] = {}


class EvidenceText(msgspec.Struct, frozen=True, kw_only=True):
    """A small text file, or the end of a large one."""

    name: str
    text: str


@dataclass(frozen=True, kw_only=True)
class ReportFacts:
    """Everything that was found out.

    Attributes:
        made_at: seconds since the Unix epoch.
        unreached: why the broker cannot be reached; empty if it can.
        missing: reason for each missing part.
    """

    made_at: float
    unreached: str = ""
    missing: Mapping[str, str] = field(default_factory=dict)

    # from the bus
    overview: SupervisorStatusEvent | None = None
    bus: BusStatisticsEvent | None = None
    ring: LogRingReadEvent | None = None
    lines: LogsReportedEvent | None = None
    readiness: ReadinessReportedEvent | None = None
    settings: list[SettingExplained] | None = None
    paths: PathsListedEvent | None = None
    models: ModelsListedEvent | None = None
    partials: PartialsListedEvent | None = None
    state: StateHealthReportedEvent | None = None
    history: HistoryStatusEvent | None = None
    alerts: list[Alert] | None = None
    keys: dict[str, KeysReport] | None = None
    metrics: list[MetricsReportedEvent] | None = None

    # from disk and system
    keyring: KeysReport | None = None
    runtime: RuntimeFileState | None = None
    config: ConfigFileState | None = None
    storage: list[StorageUse] | None = None
    integrity: DiskIntegrity | None = None
    crashes: list[EvidenceText] | None = None
    log_files: list[EvidenceText] | None = None
    versions: dict[str, str] | None = None
    system: dict[str, Any] | None = None


PART_NAMES: Final[dict[str, str]] = {
    "overview": "state of the actors",
    "bus": "statistics of the bus",
    "ring": "log ring",
    "lines": "output of the processes",
    "readiness": "readiness report",
    "settings": "effective settings",
    "paths": "paths",
    "models": "model records",
    "partials": "unfinished models",
    "state": "health of the state store",
    "history": "status of the history",
    "alerts": "alerts",
    "keys": "status of the keys, from the actors that use them",
    "keyring": "status of the keys",
    "metrics": "metrics",
    "runtime": "runtime file",
    "config": "settings file",
    "storage": "disk usage",
    "integrity": "integrity of files",
    "crashes": "crash records",
    "log_files": "log files",
    "versions": "versions",
    "system": "system",
}
"""What each part is called in front of people."""
