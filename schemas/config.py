"""Settings: what is asked of the configuration store and what it announces."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec

from schemas.event import ONE_PER_TOPIC, Event, Request

Operation = Literal["get_effective", "update", "reset_section", "reset_defaults"]


class SettingProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Why one setting was not taken.

    Attributes:
        path: dotted path of the setting, such as `vad.sensitivity`.
        problem: one sentence with what was found and what was expected.
    """

    path: str
    problem: str


class RuntimeConfigResponseEvent(Event, frozen=True, kw_only=True, tag="config.response"):
    """What became of a settings request.

    Attributes:
        success: every key of the request was taken (or, for get_effective, read); otherwise none was.
        durable: the overrides are on disk. False with `success` means: in effect now, but lost with the process.
        settings: all effective settings after the request, nested by section.
        revision: counts the changes of this life of the store, so that two answers can be put in order.
    """

    success: bool
    message: str
    durable: bool = True
    settings: dict[str, Any] = {}
    overrides: dict[str, Any] = {}
    problems: list[SettingProblem] = []
    revision: int = 0


class RuntimeConfigRequestEvent(Request[RuntimeConfigResponseEvent], frozen=True, kw_only=True, tag="config.request"):
    """Read or change the application's settings; several keys at once are taken all or none.

    Attributes:
        updates: dotted path to new value; for `update` only.
        section: dotted path of a section (or of one setting) that goes back to its defaults; for `reset_section` only.
        dry_run: judge the request and show the settings as they would be, but change nothing.
    """

    operation: Operation
    updates: dict[str, Any] = {}
    section: str = ""
    dry_run: bool = False


class SettingsChangedEvent(Event, frozen=True, kw_only=True, tag="config.settings_changed"):
    """Settings are in effect that were not before; values derived from them are due to be computed anew.

    Attributes:
        changed: dotted path to new value, for each setting whose effective value is another one now.
        settings: all effective settings, nested by section.
        reason: `start` when the store announces what it loaded.
    """

    retained_by: ClassVar[str | None] = ONE_PER_TOPIC

    changed: dict[str, Any]
    settings: dict[str, Any]
    revision: int
    reason: Literal["start", "update", "reset_section", "reset_defaults"]
