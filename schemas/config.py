"""Settings: the requests that the configuration store serves, and the events that it publishes."""

from __future__ import annotations

from typing import Any, ClassVar, Final, Literal

import msgspec

from schemas.bounds import Count, Identifier, Many, Named, PlaceText, Plain, Sentence, Word
from schemas.event import ONE_PER_TOPIC, Event, Request

Operation = Literal["get_effective", "update", "reset_section", "reset_defaults"]
Scope = Literal["user", "session"]
LayerName = Literal["profile", "preset", "user", "environment", "session", "policy"]
"""Lowest to highest. `profile`: the app's own defaults. `preset`: a packaged set of values that a person
chose. `user`: what `config.json` stores. `environment`: variables of the process. `session`: until the store
ends. `policy`: what an administrator set."""
SettingProblemKind = Literal["secret_exposed", "other"]
"""`secret_exposed`: the request says that others could read its values, and this one is a secret."""

SECRET_PLACEHOLDER: Final = "**********"  # noqa: S105  # it says nothing
"""Stands for a secret that is set, wherever settings are published, shown or written. Sent back in an update,
it changes nothing."""


class SettingProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Why one setting was not taken.

    Attributes:
        path: dotted path of the setting, such as `vad.sensitivity`.
        problem: one sentence with what was found and what was expected.
        kind: for programs that treat some problems differently.
    """

    path: PlaceText
    problem: Sentence
    kind: SettingProblemKind = "other"


class SettingChange(msgspec.Struct, frozen=True, kw_only=True):
    """What a request did to the effective value of one setting.

    Attributes:
        before: the former value; secrets as `SECRET_PLACEHOLDER`, or empty.
        after: the new value; secrets as `SECRET_PLACEHOLDER`, or empty. Equal to `before` if a secret was
            replaced by another.
    """

    before: Any
    after: Any


class RuntimeConfigResponseEvent(Event, frozen=True, kw_only=True, tag="config.response"):
    """The outcome of a settings request.

    Attributes:
        success: the whole request was taken, or for `get_effective` answered. If false, nothing changed.
        durable: the overrides are on disk. False together with `success`: in effect now, lost with the
            process.
        settings: all effective settings after the request, nested by section; secrets as
            `SECRET_PLACEHOLDER`.
        overrides: dotted path to value, what the user set; secrets as `SECRET_PLACEHOLDER`.
        problems: why the request was not taken.
        revision: counts the changes since the store started, so that two replies can be put in order.
        session: dotted path to value, what holds until the store ends.
        shadowed: of the settings that were set, those that are not in effect because a higher layer wins, and
            which one wins.
        restart: of the settings that changed, those that take effect when their reader restarts.
        fingerprint: identifies these overrides, also after a restart of the store; for `get_effective` only.
        changed: dotted path to what this request alone changed; for a dry run, what it would change.
    """

    success: bool
    message: Sentence
    durable: bool = True
    settings: Plain = {}
    overrides: Plain = {}
    problems: Many[SettingProblem] = []
    revision: Count = 0
    session: Plain = {}
    shadowed: Named[LayerName] = {}
    restart: Many[Word] = []
    fingerprint: Identifier = ""
    changed: Named[SettingChange] = {}


class RuntimeConfigRequestEvent(
    Request[RuntimeConfigResponseEvent], frozen=True, kw_only=True, tag="config.request"
):
    """Read or change the application's settings. Several keys are taken together or not at all.

    `reset_section` and `reset_defaults` do what `update` does with `resets`: for one section, for every
    setting.

    Attributes:
        updates: dotted path to new value; for `update` only.
        section: dotted path of a section or setting that loses its overrides; for `reset_section` only.
        dry_run: judge the request and show the settings as they would be, but change nothing.
        resets: dotted paths of settings or sections that lose their overrides; for `update` only.
        scope: `session` changes what holds until the store ends; it is never stored.
        expected_fingerprint: refuse the request if the overrides do not have this fingerprint any more;
            empty:
            take it anyway.
        from_command_line: others could read the values, so a secret among `updates` is refused.
        skip_unchanged: leave out the `updates` whose value is in effect already, so that they do not become
            overrides.
    """

    operation: Operation
    updates: Plain = {}
    section: Word = ""
    dry_run: bool = False
    resets: Many[Word] = []
    scope: Scope = "user"
    expected_fingerprint: Identifier = ""
    from_command_line: bool = False
    skip_unchanged: bool = False


class SettingsChangedEvent(Event, frozen=True, kw_only=True, tag="config.settings_changed"):
    """The effective settings changed; values derived from them have to be computed again.

    Attributes:
        changed: dotted path to new value, for each setting whose effective value changed; secrets as
            `SECRET_PLACEHOLDER`.
        settings: all effective settings, nested by section; secrets as `SECRET_PLACEHOLDER`.
        reason: `start` when the store announces what it loaded; `file` when `config.json` was edited;
            `policy` when the administrator's file changed.
        restart: of the changed settings, those that take effect when their reader restarts.
    """

    retained_by: ClassVar[str | None] = ONE_PER_TOPIC

    changed: Plain
    settings: Plain
    revision: Count
    reason: Literal["start", "update", "reset_section", "reset_defaults", "file", "policy"]
    restart: Many[Word] = []


class SettingLayer(msgspec.Struct, frozen=True, kw_only=True):
    """What one layer says about a setting.

    Attributes:
        source: where the layer is kept, such as a file or the name of a variable.
        is_set: whether the layer has a value for this setting.
        value: the value; secrets as `SECRET_PLACEHOLDER`.
        wins: whether this value is in effect.
        problem: why the value does not count; empty if it does.
    """

    layer: LayerName
    source: Word
    is_set: bool
    value: Any = None
    wins: bool = False
    problem: Sentence = ""


class SettingExplained(msgspec.Struct, frozen=True, kw_only=True):
    """Where the value of a setting comes from.

    Attributes:
        value: what is in effect; secrets as `SECRET_PLACEHOLDER`.
        winner: the layer that has this value.
        reason: one sentence that says why.
        is_locked: the administrator locked it.
        layers: every layer, the lowest first.
    """

    path: PlaceText
    title: Word
    value: Any
    winner: LayerName
    reason: Sentence
    is_locked: bool
    layers: Many[SettingLayer]


class SettingsExplainedEvent(Event, frozen=True, kw_only=True, tag="config.explained"):
    """Where the values of the requested settings come from."""

    settings: Many[SettingExplained]


class SettingsExplainRequestEvent(
    Request[SettingsExplainedEvent], frozen=True, kw_only=True, tag="config.explain"
):
    """Ask where values come from. Refused if there is no such setting.

    Attributes:
        path: dotted path of a setting or a section.
    """

    path: PlaceText


class SettingField(msgspec.Struct, frozen=True, kw_only=True):
    """What the app declares about one setting.

    Attributes:
        section: dotted path of its section; empty at the top.
        section_title: heading of the section, for people.
        default: its value where no layer has one; secrets as `SECRET_PLACEHOLDER`, or empty.
        is_user: whether a user may change it.
        is_secret: the system's keychain keeps its value; only `config.reveal_secret` returns it.
        needs_restart: a new value takes effect when its reader restarts.
    """

    path: PlaceText
    title: Word
    description: Sentence
    section: Word
    section_title: Word
    default: Any = None
    is_user: bool = True
    is_secret: bool = False
    needs_restart: bool = False


class SettingsDescribedEvent(Event, frozen=True, kw_only=True, tag="config.described"):
    """Everything that a settings page needs.

    Attributes:
        fields: every setting, in the order in which the app declares them.
        json_schema: types and ranges, as JSON Schema (draft 2020-12).
        presets: name to title of each packaged preset.
        preset_setting: dotted path of the setting that chooses a preset; empty: there is none.
    """

    fields: Many[SettingField]
    json_schema: Plain
    presets: Named[Word] = {}
    preset_setting: Word = ""


class SettingsDescribeRequestEvent(
    Request[SettingsDescribedEvent], frozen=True, kw_only=True, tag="config.describe"
):
    """Ask which settings exist."""


class SecretRevealedEvent(Event, frozen=True, kw_only=True, tag="config.secret_revealed"):
    """The value of a secret. It is a reply to one peer and is never published."""

    value: Sentence


class SecretRevealRequestEvent(
    Request[SecretRevealedEvent], frozen=True, kw_only=True, tag="config.reveal_secret"
):
    """Ask for the value of a secret. Refused if it is not set, or if the keychain does not return it.

    Attributes:
        path: dotted path of a setting that is declared a secret.
    """

    path: PlaceText
