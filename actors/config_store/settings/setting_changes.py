"""Decides what a request, an edit of the file or a new policy does to the configuration. Pure.

A change is taken as a whole or not at all. Only what the user set is stored; what is in effect follows from
all layers together (`setting_layers`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from actors.config_store.dotted_paths import amended, is_within, nest, spread
from actors.config_store.schema.plain_values import NOT_PLAIN, is_plain
from actors.config_store.settings.configuration import PROBLEM_LIMIT, Configuration, effective_values, load
from actors.config_store.settings.setting_layers import (
    is_reference,
    merge,
    preset_layer,
    winner_of,
    without_references,
)
from actors.config_store.settings.settings_context import LayerValues, SettingsContext, is_set
from schemas.config import SECRET_PLACEHOLDER, LayerName, Scope, SettingProblem, SettingProblemKind

NOTHING: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True)
class SettingsVerdict:
    """What becomes of a change: the configuration after it, or the problems that prevent it.

    Attributes:
        before: the configuration that the change was applied to.
        after: the new configuration; the former one if there are problems.
        changed: dotted path to the new effective value.
        problems: why nothing changes.
        shadowed: the settings of the request that are stored but not in effect, and the layer that wins.
    """

    before: Configuration
    after: Configuration
    changed: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[SettingProblem, ...] = ()
    shadowed: Mapping[str, LayerName] = field(default_factory=dict)

    @property
    def is_taken(self) -> bool:
        """Whether the whole change was taken."""
        return not self.problems

    @property
    def restart(self) -> list[str]:
        """What changed but takes effect only when its reader restarts."""
        return [path for path in self.changed if self.after.context.schema.specs[path].needs_restart]


@dataclass(frozen=True, kw_only=True)
class SettingsChange:
    """What a request asks for. The three operations that reset settings all come down to this.

    Attributes:
        updates: dotted path to new value; a section may be given as a nested object.
        resets: settings or sections that lose their override.
        resets_all: every setting loses its override.
        scope: which layer changes.
        skips_unchanged: leave out updates whose value is in effect already.
        refuses_secrets: the values were visible to others, so a secret among them is refused.
    """

    updates: Mapping[str, Any] = field(default_factory=dict, repr=False)
    resets: tuple[str, ...] = ()
    resets_all: bool = False
    scope: Scope = "user"
    skips_unchanged: bool = False
    refuses_secrets: bool = False


def refused(before: Configuration, problem: str, path: str = "") -> SettingsVerdict:
    """The verdict that nothing changes, for one reason."""
    return SettingsVerdict(before, before, problems=(SettingProblem(path=path, problem=problem),))


def secrets_in(before: Configuration, updates: Mapping[str, Any]) -> dict[str, Any]:
    """The new values of secrets among the updates, by dotted path; neither empty ones nor placeholders."""
    return {
        path: value
        for path, value in spread(before.context.schema.sections, updates).items()
        if before.context.is_secret(path) and is_set(value) and value != SECRET_PLACEHOLDER
    }


def change(
    before: Configuration, wanted: SettingsChange, references: Mapping[str, Any] = NOTHING
) -> SettingsVerdict:
    """Set several settings and reset others, at once.

    Args:
        before: the configuration of now.
        wanted: what the request asks for.
        references: dotted path of each secret among the updates to the reference under which it is kept.
    """
    context, scope = before.context, wanted.scope
    if not (wanted.updates or wanted.resets or wanted.resets_all or wanted.skips_unchanged):
        return refused(before, "no setting is named; expected at least one path and value")
    leaves = spread(context.schema.sections, wanted.updates)
    if wanted.skips_unchanged:
        leaves = {path: value for path, value in leaves.items() if before.effective.get(path, ...) != value}
    problems = [problem for path, value in leaves.items() for problem in _check(context, wanted, path, value)]
    problems += [problem for section in wanted.resets for problem in _check_section(before, section)]
    if problems:
        return SettingsVerdict(before, before, problems=tuple(problems[:PROBLEM_LIMIT]))
    leaves = {
        path: value
        for path, value in leaves.items()
        if not (value == SECRET_PLACEHOLDER and context.is_secret(path))
    }
    references = references if scope == "user" else NOTHING
    own = before.overrides if scope == "user" else before.session
    is_reset = wanted.resets or wanted.resets_all
    verdict = (None if is_reset else _change_sections(before, scope, references, leaves)) or _change_all(
        before, {**_kept(own, wanted), **leaves}, scope, references, leaves
    )
    if not verdict.is_taken:
        return verdict
    shadowed = {path: winner for path in leaves if (winner := winner_of(verdict.after.layers, path)) != scope}
    return replace(verdict, shadowed=shadowed)


def take_edit(before: Configuration, base: Mapping[str, Any], found: Mapping[str, Any]) -> SettingsVerdict:
    """Take over an edit of the file: for each override the side counts that changed it, the file if both did.

    If a known setting has a value that does not fit, the whole edit is refused. Unknown and disallowed
    settings are set aside.

    Args:
        before: the configuration of now.
        base: the overrides that were last known to be in the file.
        found: the overrides that are in the file.
    """
    context = before.context
    theirs = {path for path in (*base, *found) if base.get(path, ...) != found.get(path, ...)}
    stored = {path: value for path, value in before.stored.items() if path not in theirs}
    stored |= {path: value for path, value in found.items() if path in theirs}
    after, problems = load(context, stored, before.session)
    wrong = [
        path
        for path in after.set_aside
        if path in theirs and path in context.schema.specs and context.allows(path)
    ]
    if wrong:
        words = {problem.path: problem.problem for problem in problems}
        return SettingsVerdict(
            before,
            before,
            problems=tuple(
                SettingProblem(path=path, problem=words.get(path, "it does not fit"))
                for path in wrong[:PROBLEM_LIMIT]
            ),
        )
    return _compared(before, after)


def replace_context(
    before: Configuration, context: SettingsContext
) -> tuple[SettingsVerdict, list[SettingProblem]]:
    """Apply the same overrides in another context, such as one with a new policy."""
    after, problems = load(context, before.stored, before.session)
    return _compared(before, after), problems


def _kept(own: Mapping[str, Any], wanted: SettingsChange) -> Mapping[str, Any]:
    """What the layer still has after the resets."""
    if wanted.resets_all:
        return {}
    if not wanted.resets:
        return own
    return {
        path: value
        for path, value in own.items()
        if not any(is_within(path, section) for section in wanted.resets)
    }


def _change_sections(
    before: Configuration, scope: Scope, references: Mapping[str, Any], leaves: Mapping[str, Any]
) -> SettingsVerdict | None:
    """As `_change_all`, but looks only at the sections of `leaves`, so that its cost does not grow.

    None if that is not enough: a higher layer has a value, another preset is chosen, or a rule spans
    sections.
    """
    context = before.context
    names = [layer.name for layer in before.layers]
    above = [layer.values for layer in before.layers[names.index(scope) + 1 :]]
    if context.preset_setting in leaves or any(path in values for values in above for path in leaves):
        return None
    merged = {**before.merged, **leaves}
    found = context.schema.validate_sections(without_references(context, merged), leaves)
    if found is None:
        return None
    if found.problems:
        return SettingsVerdict(before, before, problems=found.problems[:PROBLEM_LIMIT])
    normal = _normalized(context, found.effective, references, leaves)
    wrong = next((path for path, value in normal.items() if not is_plain(value)), None)
    if wrong is not None:
        return refused(before, NOT_PLAIN, wrong)
    merged |= normal
    shown = context.mask_effective(merged, found.effective)
    changed = {path: value for path, value in shown.items() if _differs(before, merged, path, value)}
    is_user = scope == "user"
    own = {**(before.overrides if is_user else before.session), **normal}
    after = Configuration(
        context,
        overrides=own if is_user else before.overrides,
        set_aside=_still_aside(before, scope, leaves),
        session=before.session if is_user else own,
        layers=tuple(
            LayerValues(scope, layer.source, own, layer.rejected, layer.sources)
            if layer.name == scope
            else layer
            for layer in before.layers
        ),
        merged=merged,
        effective={**before.effective, **changed},
        settings=amended(before.settings, changed),
        revision=before.revision + bool(changed),
    )
    return SettingsVerdict(before, after, changed)


def _change_all(
    before: Configuration,
    own: Mapping[str, Any],
    scope: Scope,
    references: Mapping[str, Any],
    leaves: Mapping[str, Any],
) -> SettingsVerdict:
    """Replace a whole layer, if the result is valid both below the other layers and alone."""
    context = before.context
    now = {layer.name: layer for layer in before.layers}
    now[scope] = replace(now[scope], values=own)
    above = merge(now[name] for name in ("user", "environment", "session", "policy"))
    now["preset"], problems = preset_layer(context, above)
    stack = tuple(now[layer.name] for layer in before.layers)
    merged = merge(stack)
    found = context.schema.validate(without_references(context, merged))
    alone = found
    if not found.problems and any(winner_of(stack, path) != scope for path in leaves):
        alone = context.schema.validate(without_references(context, {**now["preset"].values, **own}))
    problems = [*problems, *(found.problems or alone.problems)]
    if problems:
        return SettingsVerdict(before, before, problems=tuple(problems[:PROBLEM_LIMIT]))
    normal = {**own, **_normalized(context, alone.effective, references, leaves)}
    wrong = next((path for path in leaves if not is_plain(normal[path])), None)
    if wrong is not None:
        return refused(before, NOT_PLAIN, wrong)
    stack = tuple(replace(layer, values=normal) if layer.name == scope else layer for layer in stack)
    merged |= {path: normal[path] for path in leaves if winner_of(stack, path) == scope}
    effective = effective_values(context, merged, found.effective)
    after = replace(
        before,
        overrides=normal if scope == "user" else before.overrides,
        session=normal if scope == "session" else before.session,
        set_aside=_still_aside(before, scope, leaves),
        layers=stack,
        merged=merged,
        effective=effective,
        settings=nest(effective),
    )
    return _compared(before, after)


def _still_aside(before: Configuration, scope: Scope, leaves: Mapping[str, Any]) -> Mapping[str, Any]:
    """What stays set aside: a setting that the user sets does not."""
    if scope != "user":
        return before.set_aside
    return {path: value for path, value in before.set_aside.items() if path not in leaves}


def _compared(before: Configuration, after: Configuration) -> SettingsVerdict:
    changed = {
        path: value for path, value in after.effective.items() if _differs(before, after.merged, path, value)
    }
    return SettingsVerdict(before, replace(after, revision=before.revision + bool(changed)), changed)


def _differs(before: Configuration, merged: Mapping[str, Any], path: str, value: Any) -> bool:
    """Whether a setting has another value now. Masked secrets look alike: their references are compared."""
    return bool(
        before.effective.get(path, ...) != value
        or (value == SECRET_PLACEHOLDER and before.merged.get(path) != merged.get(path))
    )


def _normalized(
    context: SettingsContext,
    effective: Mapping[str, Any],
    references: Mapping[str, Any],
    leaves: Mapping[str, Any],
) -> dict[str, Any]:
    """The updates as they are stored: as the schema reads them; secrets as references."""
    return {
        path: references.get(
            path,
            value if is_reference(value) or context.is_secret(path) else effective.get(path, value),
        )
        for path, value in leaves.items()
    }


def _check(
    context: SettingsContext, wanted: SettingsChange, path: str, value: Any
) -> Iterable[SettingProblem]:
    """Why an update is refused, whatever the schema says about its value."""
    kind: SettingProblemKind = "other"
    words, is_secret = context.path_problem(path), context.is_secret(path)
    if is_secret and wanted.refuses_secrets:
        kind = "secret_exposed"
        words = (
            f"{path} is a secret, and others can read a command line; use 'undercroft config secret {path}'"
        )
    words = words or context.user_problem(path)
    if not words and is_secret and not (value is None or isinstance(value, str)):
        words = "expected text; the value is not shown, because it is a secret"
    if not words and not is_plain(value):
        words = NOT_PLAIN
    if words:
        yield SettingProblem(path=path[:200], problem=words, kind=kind)


def _check_section(before: Configuration, section: str) -> Iterable[SettingProblem]:
    if not any(is_within(path, section) for path in before.effective):
        yield SettingProblem(path=section[:200], problem=f"there is no section or setting {section[:200]!r}")
