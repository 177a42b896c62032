"""Says which valid requests no peer makes here, since they would rightly undo what others did. Pure.

A guest may stop the runtime, clear the history or restore a backup. That is no fault, so it would hide one:
nobody could say any more whether what is gone was lost. Everything else is tried.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

WITNESS: Final = "witness"
"""Begins the name of everything that the harness itself stores and reads back."""

WITNESS_DOCUMENT: Final = "MarksData"
"""Type of the document that the witness writes."""

SETTINGS_OF_WITNESS: Final = ("dictation", "history", "diagnostics", "models")
"""Sections of settings that the witness changes, or that decide what is kept."""

OLD_SECONDS: Final = 1_500_000_000
"""The witness stores nothing that is as old as this."""

LONG_DAYS: Final = 10_000


def is_spared(topic: str, event: Mapping[str, Any]) -> bool:
    """Whether the request, if it is taken, leaves alone what the witness stored and all processes."""
    if topic in ("supervision.stop", "supervision.restart"):
        return False
    if event.get("dry_run") is True:
        return True
    if _names_witness(event):
        return False
    match topic:
        case "backups.restore":
            return bool(event.get("keys")) and not event.get("settings")
        case "history.clear":
            before = event.get("before")
            return _is_number(before) and before < OLD_SECONDS and not event.get("purge")
        case "history.prune":
            return all(_keeps(event.get(name)) for name in ("keep_days", "keep_entries", "keep_mib"))
        case "config.request":
            return _spares_settings(event)
        case "paths.choose" | "paths.settle":
            return event.get("category") == "tools"
        case "paths.relocate_models" | "readiness.setup":
            return False
        case _:
            return True


def _names_witness(event: Mapping[str, Any]) -> bool:
    return any(
        WITNESS in text or text == WITNESS_DOCUMENT
        for name, value in event.items()
        if name
        in ("key", "keys", "id", "ids", "model_id", "name", "type_name", "operations", "path", "location")
        for text in _texts(value)
    )


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for part in value.values() for text in _texts(part)]
    if isinstance(value, list):
        return [text for part in value[:100] for text in _texts(part)]
    return []


def _spares_settings(event: Mapping[str, Any]) -> bool:
    operation = event.get("operation")
    updates, resets = event.get("updates"), event.get("resets")
    touched = [
        *(updates if isinstance(updates, Mapping) else {}),
        *(resets if isinstance(resets, list) else []),
    ]
    if operation == "reset_section":
        touched.append(event.get("section"))
    return operation != "reset_defaults" and not any(
        isinstance(path, str) and path.strip().startswith(SETTINGS_OF_WITNESS) for path in touched
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _keeps(value: Any) -> bool:
    """Whether a rule of retention keeps what is new: without a limit, or with a very large one."""
    return _is_number(value) and (value == 0 or value >= LONG_DAYS)
