"""What a report is made from. Whatever could not be had is None, and `missing` says why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

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


class RuntimeFound(msgspec.Struct, frozen=True, kw_only=True):
    """What `runtime.json` says; never its token.

    Attributes:
        state: `stale`: the process that wrote it is no more.
        detail: why it cannot be read; empty if it can.
    """

    state: Literal["absent", "unreadable", "stale", "alive"]
    pid: int | None = None
    started_at: float | None = None
    detail: str = ""


class ConfigFound(msgspec.Struct, frozen=True, kw_only=True):
    """What `config.json` looks like on disk.

    Attributes:
        fault: why it cannot be taken; empty if it can, or if there is none.
        put_aside: names of files beside it that could not be taken before.
    """

    exists: bool
    fault: str = ""
    put_aside: list[str] = []


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What one category of files takes.

    Attributes:
        is_complete: False: there was no time to count everything.
        free_bytes, total_bytes: of the disk that it is on, or would be; None if that cannot be found out.
    """

    category: str
    path: str
    exists: bool
    files: int = 0
    size_bytes: int = 0
    is_complete: bool = True
    free_bytes: int | None = None
    total_bytes: int | None = None


class FileFound(msgspec.Struct, frozen=True, kw_only=True):
    """A file that says something by being there; `changed_at` in seconds since the Unix epoch."""

    path: str
    size_bytes: int
    changed_at: float


class Integrity(msgspec.Struct, frozen=True, kw_only=True):
    """What on disk speaks of damage or of unfinished work.

    Attributes:
        damaged: files that were put aside because they could not be read.
        journals: what is to be finished after a crash.
        verified: model id to the number of its files that were verified, and when the oldest of them was.
    """

    damaged: list[FileFound]
    journals: list[FileFound]
    verified: dict[str, tuple[int, float]] = {}


class TextFound(msgspec.Struct, frozen=True, kw_only=True):
    """A small text file, or the tail of a large one."""

    name: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything that was found out.

    Attributes:
        made_at: seconds since the Unix epoch.
        unreached: why there is no talking to the broker; empty if there is.
        missing: part to reason.
    """

    made_at: float
    unreached: str = ""
    missing: Mapping[str, str] = field(default_factory=dict)

    # by the bus
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

    # by the disk and the system
    keyring: KeysReport | None = None
    runtime: RuntimeFound | None = None
    config: ConfigFound | None = None
    storage: list[Usage] | None = None
    integrity: Integrity | None = None
    crashes: list[TextFound] | None = None
    log_files: list[TextFound] | None = None
    versions: dict[str, str] | None = None
    system: dict[str, Any] | None = None


PARTS: dict[str, str] = {
    "overview": "how the actors fare",
    "bus": "statistics of the bus",
    "ring": "log ring",
    "lines": "lines that processes wrote",
    "readiness": "readiness report",
    "settings": "effective settings",
    "paths": "paths",
    "models": "model records",
    "partials": "unfinished models",
    "state": "health of the state store",
    "history": "status of the history",
    "alerts": "alerts",
    "keys": "status of the keys, as their users tell it",
    "keyring": "status of the keys",
    "metrics": "metrics",
    "runtime": "runtime file",
    "config": "settings file",
    "storage": "use of storage",
    "integrity": "integrity of files",
    "crashes": "crash records",
    "log_files": "log files",
    "versions": "versions",
    "system": "system",
}
"""What each part is called in front of people."""
