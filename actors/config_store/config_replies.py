"""Puts what became of a request into the words of the contract. Pure."""

from __future__ import annotations

from actors.config_store.setting_changes import Verdict
from actors.config_store.setting_layers import Ground, visible
from schemas.config import (
    RuntimeConfigRequestEvent,
    RuntimeConfigResponseEvent,
    SettingField,
    SettingsDescribedEvent,
)


def response(
    event: RuntimeConfigRequestEvent, verdict: Verdict, *, durable: bool
) -> RuntimeConfigResponseEvent:
    """What whoever asked is told."""
    after = verdict.after
    return RuntimeConfigResponseEvent(
        success=verdict.is_taken,
        message=_message(event, verdict, durable=durable),
        durable=durable,
        settings=after.settings,
        overrides=visible(after.ground, after.overrides),
        problems=list(verdict.problems),
        revision=after.revision,
        session=visible(after.ground, after.session),
        shadowed=dict(verdict.shadowed),
        restart=verdict.restart,
        fingerprint=after.fingerprint if event.operation == "get_effective" else "",
    )


def describe(ground: Ground) -> SettingsDescribedEvent:
    """What settings there are."""
    schema = ground.schema
    return SettingsDescribedEvent(
        fields=[
            SettingField(
                path=spec.path,
                title=spec.title,
                description=spec.description,
                section=spec.section,
                section_title=schema.sections.get(spec.section, ""),
                default=spec.default,
                is_user=ground.allows(spec.path),
                is_secret=spec.is_secret,
                needs_restart=spec.needs_restart,
            )
            for spec in schema.fields.values()
        ],
        json_schema=schema.document(),
        presets={name: preset.title for name, preset in ground.presets.items()},
        preset_setting=ground.preset_setting,
    )


def _message(event: RuntimeConfigRequestEvent, verdict: Verdict, *, durable: bool) -> str:
    if not verdict.is_taken:
        return "nothing was changed: " + "; ".join(problem.problem for problem in verdict.problems)
    if event.operation == "get_effective":
        return f"{len(verdict.after.overrides)} of {len(verdict.after.effective)} settings are overridden"
    count = len(verdict.changed)
    words = f"{count} setting{'' if count == 1 else 's'} {'would change' if event.dry_run else 'changed'}"
    if verdict.shadowed:
        kept = "would be kept" if event.dry_run else "kept"
        shadowed = ", ".join(f"{path} ({layer})" for path, layer in verdict.shadowed.items())
        words += f"; {kept} but not in effect, since a higher layer wins: {shadowed}"
    if verdict.restart:
        words += f"; takes effect after a restart: {', '.join(verdict.restart)}"
    if event.dry_run or durable:
        return words
    return f"{words}, in effect but not durable: the disk did not take it; it is tried again, and lost if the power fails before"
