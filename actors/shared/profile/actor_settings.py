"""The settings that bundled actors read. An app takes a section over with `settings_of` in its profile.

Pydantic is slow to import, so only what reads a settings schema imports this.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, create_model

ModelT = TypeVar("ModelT", bound=BaseModel)


class Section(BaseModel):
    """Base of all sections. Settings are immutable: a change makes new ones."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class HistorySettings(Section):
    """What is remembered about past dictations. By default nothing is written to disk."""

    max_entries: int = Field(default=100, ge=10, le=10_000, title="Entries to keep")
    persistence_mode: Literal["memory", "disk"] = Field(default="memory", title="Where to keep entries")
    encrypt_at_rest: bool = Field(default=True, title="Encrypt entries on disk")
    keep_days: int = Field(
        default=0,
        ge=0,
        le=36_500,
        title="Days to keep entries",
        description="Older entries are deleted. 0: no limit.",
    )
    keep_entries: int = Field(
        default=0,
        ge=0,
        title="Most entries on disk",
        description="The oldest entries are deleted. 0: no limit.",
    )
    keep_mib: int = Field(
        default=0,
        ge=0,
        title="Most MiB of entries on disk",
        description="The oldest entries are deleted. 0: no limit.",
    )


class ModelSettings(Section):
    """How models are downloaded."""

    offline: bool = Field(
        default=False,
        title="Work offline",
        description="Installed models can be used. Nothing is downloaded and no server is contacted.",
    )
    rate_limit_kib_per_second: int = Field(
        default=0, ge=0, le=10_000_000, title="Download limit in KiB per second", description="0: no limit."
    )
    max_streams: int = Field(
        default=8,
        ge=1,
        le=16,
        title="Most connections at once",
        description="More connections are opened only while they make the download faster.",
    )
    mirror_url: str = Field(
        default="", max_length=2000, pattern=r"^(https?://\S+)?$", title="Mirror to try first"
    )
    partials_keep_days: int = Field(
        default=0,
        ge=0,
        le=3650,
        title="Days to keep unfinished downloads",
        description="Downloads that an install still needs are always kept. 0: no limit.",
    )
    verify_every_days: int = Field(
        default=30,
        ge=0,
        le=3650,
        title="Days between checks of a model",
        description="Every byte is read again while nothing else is in progress. 0: never.",
    )


class DiagnosticsSettings(Section):
    """What helps to find faults."""

    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", title="Log level")
    log_entries: int = Field(default=500, ge=50, le=100_000, title="Log entries kept in memory")
    log_kib: int = Field(default=256, ge=16, le=65_536, title="Most memory for log entries, in KiB")
    file_logs: bool = Field(
        default=False,
        title="Write logs to files",
        description="The files are rotated. Switch this on only to find a fault.",
    )
    file_logs_until: str = Field(
        default="",
        pattern=r"^(\d{4}-\d{2}-\d{2})?$",
        title="Last day of log files",
        description="After this day no files are written. Empty: no end.",
    )


ACTOR_SETTINGS: Final[dict[str, tuple[str, type[Section]]]] = {
    "history": ("History", HistorySettings),
    "models": ("Models", ModelSettings),
    "diagnostics": ("Diagnostics", DiagnosticsSettings),
}
"""By the section that an actor reads: its title and its settings."""


def declared_twice(declared: Iterable[str], sections: Iterable[str]) -> str:
    """Why an app cannot take over sections; empty if it can. Pure."""
    twice = sorted(set(declared) & set(sections))
    if not twice:
        return ""
    return (
        f"{twice[0]!r} is declared here, and 'settings_of' in the profile brings it as well; keep one of them"
    )


def extended_model(model: type[ModelT] | None, sections: Iterable[str]) -> type[BaseModel]:
    """A settings model with further sections. Pure.

    Args:
        model: of the app; None if it has no settings of its own.
        sections: none of them declared by the model.
    """
    base = Section if model is None else model
    fields: dict[str, Any] = {
        name: (kind, Field(default_factory=kind, title=title))
        for name in sections
        for title, kind in [ACTOR_SETTINGS[name]]
    }
    if not fields:
        return base
    return create_model(base.__name__, __base__=base, __module__=base.__module__, **fields)


def extended_schema(content: dict[str, Any], sections: Iterable[str]) -> dict[str, Any]:
    """A JSON Schema of settings with further sections. Pure."""
    extended = copy.deepcopy(content)
    properties = extended.setdefault("properties", {})
    for name in sections:
        title, kind = ACTOR_SETTINGS[name]
        properties[name] = {**kind.model_json_schema(), "title": title}
    return extended
