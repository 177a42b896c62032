"""Translates between the contract and the decisions: requests to changes, verdicts to replies. Pure."""

from __future__ import annotations

from typing import assert_never

from actors.config_store.settings.setting_changes import SettingsChange, SettingsVerdict
from actors.config_store.settings.settings_context import SettingsContext
from schemas.config import (
    RuntimeConfigRequestEvent,
    RuntimeConfigResponseEvent,
    SettingChange,
    SettingField,
    SettingsDescribedEvent,
)


def change_of(event: RuntimeConfigRequestEvent) -> SettingsChange | None:
    """The change that a request asks for; None if it only reads."""
    match event.operation:
        case "get_effective":
            return None
        case "update":
            return SettingsChange(
                updates=event.updates,
                resets=tuple(event.resets),
                scope=event.scope,
                skips_unchanged=event.skip_unchanged,
                refuses_secrets=event.from_command_line,
            )
        case "reset_section":
            return SettingsChange(resets=(event.section,), scope=event.scope)
        case "reset_defaults":
            return SettingsChange(resets_all=True, scope=event.scope)
        case _:
            assert_never(event.operation)


def response(
    event: RuntimeConfigRequestEvent, verdict: SettingsVerdict, *, durable: bool
) -> RuntimeConfigResponseEvent:
    """The reply to a request."""
    after = verdict.after
    return RuntimeConfigResponseEvent(
        success=verdict.is_taken,
        message=_message(event, verdict, durable=durable),
        durable=durable,
        settings=after.settings,
        overrides=after.context.mask(after.overrides),
        problems=list(verdict.problems),
        revision=after.revision,
        session=after.context.mask(after.session),
        shadowed=dict(verdict.shadowed),
        restart=verdict.restart,
        fingerprint=after.fingerprint if event.operation == "get_effective" else "",
        changed={
            path: SettingChange(before=verdict.before.effective[path], after=value)
            for path, value in verdict.changed.items()
        },
    )


def describe(context: SettingsContext) -> SettingsDescribedEvent:
    """Which settings exist."""
    schema = context.schema
    return SettingsDescribedEvent(
        fields=[
            SettingField(
                path=spec.path,
                title=spec.title,
                description=spec.description,
                section=spec.section,
                section_title=schema.sections.get(spec.section, ""),
                default=spec.default,
                is_user=context.allows(spec.path),
                is_secret=spec.is_secret,
                needs_restart=spec.needs_restart,
            )
            for spec in schema.specs.values()
        ],
        json_schema=schema.as_json_schema(),
        presets={name: preset.title for name, preset in context.presets.items()},
        preset_setting=context.preset_setting,
    )


def _message(event: RuntimeConfigRequestEvent, verdict: SettingsVerdict, *, durable: bool) -> str:
    if not verdict.is_taken:
        return "nothing was changed: " + "; ".join(problem.problem for problem in verdict.problems)
    if event.operation == "get_effective":
        return f"{len(verdict.after.overrides)} of {len(verdict.after.effective)} settings are overridden"
    count = len(verdict.changed)
    words = f"{count} setting{'' if count == 1 else 's'} {'would change' if event.dry_run else 'changed'}"
    if event.skip_unchanged and not count and not verdict.shadowed:
        words += ": all values are in effect already"
    if verdict.shadowed:
        stored = "would be stored" if event.dry_run else "stored"
        shadowed = ", ".join(f"{path} ({layer})" for path, layer in verdict.shadowed.items())
        words += f"; {stored} but not in effect, because a higher layer wins: {shadowed}"
    if verdict.restart:
        words += f"; takes effect after a restart: {', '.join(verdict.restart)}"
    if event.dry_run or durable:
        return words
    return (
        f"{words}, in effect but not durable: the disk did not accept it; the store tries again, "
        "and the change is lost if the power fails first"
    )
