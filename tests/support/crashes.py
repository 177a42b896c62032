"""Unexpected ends, as the supervision policy reports them."""

from __future__ import annotations

from typing import Any

from actors.runtime.supervisor.core.supervision_events import ExitStatus, RecordCrash


def crash(code: int | None = None, number: int | None = None, **changes: Any) -> RecordCrash:
    """An unexpected end with this exit code or signal."""
    fields: dict[str, Any] = {
        "actor": "a",
        "pid": 7,
        "reason": "r",
        "status": ExitStatus(code, number),
        "kill_reason": "",
        "was": "ready",
    }
    return RecordCrash(**{**fields, "is_actor": True, "uptime_seconds": 1.5, "restarts": 2, **changes})
