"""Settings: what is asked of the configuration store and what it announces."""

from __future__ import annotations

from typing import Any, ClassVar, Final, Literal

import msgspec

from schemas.event import ONE_PER_TOPIC, Event, Request

Operation = Literal["get_effective", "update", "reset_section", "reset_defaults"]
Scope = Literal["user", "session"]
LayerName = Literal["profile", "preset", "user", "environment", "session", "policy"]
"""Lowest to highest. `profile`: the app's own defaults. `preset`: a packaged set of values that somebody chose. `user`: what is kept in
`config.json`. `environment`: variables of the process. `session`: until the store ends. `policy`: what an
administrator set."""

SECRET_PLACEHOLDER: Final = "**********"  # noqa: S105  # it says nothing
"""Stands for the value of a secret that is set, wherever settings are told, shown or written. Sent back in an update it changes nothing."""


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
        durable: the overrides are on disk. False with `success` means: in effect now, but lost with the
            process.
        settings: all effective settings after the request, nested by section; secrets as
            `SECRET_PLACEHOLDER`.
        overrides: dotted path to value, what the user set; secrets as `SECRET_PLACEHOLDER`.
        revision: counts the changes of this life of the store, so that two answers can be put in order.
        session: dotted path to value, what holds until the store ends.
        shadowed: of the settings that were set, those that are not in effect since a higher layer wins, and
            which one that is.
        restart: of the settings that changed, those that take effect when their reader starts again.
        fingerprint: tells these overrides from others, across lives of the store; told for get_effective
            only.
    """

    success: bool
    message: str
    durable: bool = True
    settings: dict[str, Any] = {}
    overrides: dict[str, Any] = {}
    problems: list[SettingProblem] = []
    revision: int = 0
    session: dict[str, Any] = {}
    shadowed: dict[str, LayerName] = {}
    restart: list[str] = []
    fingerprint: str = ""


class RuntimeConfigRequestEvent(
    Request[RuntimeConfigResponseEvent], frozen=True, kw_only=True, tag="config.request"
):
    """Read or change the application's settings; several keys at once are taken all or none.

    Attributes:
        updates: dotted path to new value; for `update` only.
        section: dotted path of a section (or of one setting) that goes back to its defaults; for
            `reset_section` only.
        dry_run: judge the request and show the settings as they would be, but change nothing.
        resets: dotted paths of settings or sections that are no longer overridden; for `update` only, all or
            none with its keys.
        scope: `session` changes what holds until the store ends; it is never stored.
        expected_fingerprint: refuse the request if the overrides are no longer those of this fingerprint;
            empty: take it anyway.
    """

    operation: Operation
    updates: dict[str, Any] = {}
    section: str = ""
    dry_run: bool = False
    resets: list[str] = []
    scope: Scope = "user"
    expected_fingerprint: str = ""


class SettingsChangedEvent(Event, frozen=True, kw_only=True, tag="config.settings_changed"):
    """Settings are in effect that were not before; values derived from them are due to be computed anew.

    Attributes:
        changed: dotted path to new value, for each setting whose effective value is another one now; secrets
            as `SECRET_PLACEHOLDER`.
        settings: all effective settings, nested by section; secrets as `SECRET_PLACEHOLDER`.
        reason: `start` when the store announces what it loaded; `file` when somebody edited `config.json`;
            `policy` when the administrator's file changed.
        restart: of the changed settings, those that take effect when their reader starts again.
    """

    retained_by: ClassVar[str | None] = ONE_PER_TOPIC

    changed: dict[str, Any]
    settings: dict[str, Any]
    revision: int
    reason: Literal["start", "update", "reset_section", "reset_defaults", "file", "policy"]
    restart: list[str] = []


class SettingLayer(msgspec.Struct, frozen=True, kw_only=True):
    """What one layer says of a setting.

    Attributes:
        source: where the layer is kept, such as a file or the name of a variable.
        is_set: whether the layer has a value for this setting.
        value: the value; secrets as `SECRET_PLACEHOLDER`.
        wins: whether this value is the one in effect.
        problem: why a value that is there does not count; empty if it does.
    """

    layer: LayerName
    source: str
    is_set: bool
    value: Any = None
    wins: bool = False
    problem: str = ""


class SettingExplained(msgspec.Struct, frozen=True, kw_only=True):
    """Where the value of a setting comes from.

    Attributes:
        value: what is in effect; secrets as `SECRET_PLACEHOLDER`.
        winner: the layer whose value that is.
        reason: one sentence that says why.
        is_locked: the administrator lets nobody change it.
        layers: every layer, the lowest first.
    """

    path: str
    title: str
    value: Any
    winner: LayerName
    reason: str
    is_locked: bool
    layers: list[SettingLayer]


class SettingsExplainedEvent(Event, frozen=True, kw_only=True, tag="config.explained"):
    """Where the values of the settings come from that were asked for."""

    settings: list[SettingExplained]


class SettingsExplainRequestEvent(
    Request[SettingsExplainedEvent], frozen=True, kw_only=True, tag="config.explain"
):
    """Ask where values come from. Refused if there is no such setting.

    Attributes:
        path: dotted path of a setting or a section.
    """

    path: str


class SettingField(msgspec.Struct, frozen=True, kw_only=True):
    """What the app declares about one setting.

    Attributes:
        section: dotted path of its section; empty at the top.
        section_title: what a person reads above it.
        default: its value where no layer has one; secrets as `SECRET_PLACEHOLDER`, or empty.
        is_user: whether a user may change it.
        is_secret: its value is kept in the system's keychain and is told by `config.reveal_secret` only.
        needs_restart: a new value takes effect when whoever reads it starts again.
    """

    path: str
    title: str
    description: str
    section: str
    section_title: str
    default: Any = None
    is_user: bool = True
    is_secret: bool = False
    needs_restart: bool = False


class SettingsDescribedEvent(Event, frozen=True, kw_only=True, tag="config.described"):
    """All that a settings page needs.

    Attributes:
        fields: every setting, in the order in which the app declares them.
        json_schema: types and ranges, as JSON Schema (draft 2020-12).
        presets: name to title of each packaged preset.
        preset_setting: dotted path of the setting that chooses a preset; empty: there is none.
    """

    fields: list[SettingField]
    json_schema: dict[str, Any]
    presets: dict[str, str] = {}
    preset_setting: str = ""


class SettingsDescribeRequestEvent(
    Request[SettingsDescribedEvent], frozen=True, kw_only=True, tag="config.describe"
):
    """Ask what settings there are."""


class SecretRevealedEvent(Event, frozen=True, kw_only=True, tag="config.secret_revealed"):
    """The value of a secret. It is an answer to one peer and is never published."""

    value: str


class SecretRevealRequestEvent(
    Request[SecretRevealedEvent], frozen=True, kw_only=True, tag="config.reveal_secret"
):
    """Ask for the value of a secret. Refused, with the reason, where it is not set or the keychain does not give it.

    Attributes:
        path: dotted path of a setting that is declared a secret.
    """

    path: str
