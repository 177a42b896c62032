"""What a settings request does to the configuration. Pure: settings in, settings out; a batch is taken whole or not at all.

Only what the user set is kept; what is in effect comes from all layers together (`layers`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from actors.config_store import setting_layers as laying
from actors.config_store.dotted_paths import amended, is_within, nest, spread
from actors.config_store.schema.settings_schema import is_plain
from actors.config_store.setting_layers import Ground, Layer, is_reference, open_values, winner_of
from schemas.config import SECRET_PLACEHOLDER, LayerName, Scope, SettingProblem

PROBLEM_LIMIT: Final = 100
NOT_PLAIN: Final = "the value cannot be kept: expected what JSON knows, with integers of 64 bits"


@dataclass(frozen=True)
class Configuration:
    """The settings of an app at one moment.

    Attributes:
        overrides: dotted path to value, as the user set them; secrets as references.
        set_aside: overrides that were found on disk and are not in effect (unknown, not allowed, out of
            range); they are kept as they are, since another version of the app may know them.
        session: dotted path to value, what holds until the store ends; never stored.
        layers: all layers, the lowest first.
        merged: dotted path to the value of the highest layer that has one.
        effective: dotted path to value, for every setting; secrets hidden.
        settings: the same, nested by section.
    """

    ground: Ground
    overrides: Mapping[str, Any] = field(default_factory=dict)
    set_aside: Mapping[str, Any] = field(default_factory=dict)
    session: Mapping[str, Any] = field(default_factory=dict, repr=False)
    layers: tuple[Layer, ...] = ()
    merged: Mapping[str, Any] = field(default_factory=dict, repr=False)
    effective: Mapping[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict, repr=False)
    revision: int = 0

    @property
    def stored(self) -> dict[str, Any]:
        """What belongs on disk."""
        return {**self.set_aside, **self.overrides}

    @cached_property
    def fingerprint(self) -> str:
        """Tells what belongs on disk from anything else that may belong there."""
        return hashlib.sha256(json.dumps(self.stored, sort_keys=True).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Verdict:
    """What becomes of a request: the configuration after it, or the problems because of which nothing changes.

    Attributes:
        changed: dotted path to the new effective value.
        shadowed: of what was asked for, that which a higher layer keeps from being in effect.
    """

    after: Configuration
    changed: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[SettingProblem, ...] = ()
    shadowed: Mapping[str, LayerName] = field(default_factory=dict)

    @property
    def is_taken(self) -> bool:
        """Whether every key of the request was taken."""
        return not self.problems

    @property
    def restart(self) -> list[str]:
        """What changed and takes effect when its reader starts again."""
        return [path for path in self.changed if self.after.ground.schema.fields[path].needs_restart]


def load(
    ground: Ground, stored: Mapping[str, Any], session: Mapping[str, Any] | None = None
) -> tuple[Configuration, list[SettingProblem]]:
    """Lay what was found on disk between the other layers. A value that cannot be taken falls back alone, is reported, and kept aside."""
    found, problems = laying.lay(ground, stored, session or {})
    user = next(layer.values for layer in found if layer.name == "user")
    merged = laying.resolve(found)
    judged = ground.schema.judge(open_values(ground, merged))
    if judged.problems:  # a preset that does not go with the rest
        found = tuple(
            replace(layer, values={}, rejected=dict.fromkeys(layer.values, judged.problems[0].problem))
            if layer.name == "preset"
            else layer
            for layer in found
        )
        problems += judged.problems
        merged = laying.resolve(found)
        judged = ground.schema.judge(open_values(ground, merged))
    effective = laying.effective_of(ground, merged, judged.effective)
    return Configuration(
        ground,
        overrides=dict(user),
        set_aside={path: value for path, value in stored.items() if path not in user},
        session=dict(next(layer.values for layer in found if layer.name == "session")),
        layers=found,
        merged=merged,
        effective=effective,
        settings=nest(effective),
    ), problems[:PROBLEM_LIMIT]


def secrets_in(before: Configuration, updates: Mapping[str, Any]) -> dict[str, Any]:
    """The secrets among the updates, by dotted path, other than empty ones and those that stay as they are."""
    leaves = spread(before.ground.schema.sections, updates)
    return {
        path: value
        for path, value in leaves.items()
        if before.ground.is_secret(path) and value not in ("", None, SECRET_PLACEHOLDER)
    }


def update(
    before: Configuration,
    updates: Mapping[str, Any],
    *,
    resets: Iterable[str] = (),
    scope: Scope = "user",
    references: Mapping[str, Any] | None = None,
) -> Verdict:
    """Set several settings at once, and let others go back; a section may be given as a nested object.

    `references` says under which reference each secret (`secrets_in`) is kept.
    """
    ground, resets = before.ground, tuple(resets)
    if not updates and not resets:
        return _refused(before, "", "no setting is named; expected at least one path and value")
    leaves = spread(ground.schema.sections, updates)
    problems = [
        SettingProblem(path=path[:200], problem=words)
        for path, value in leaves.items()
        if (words := _problem_of(ground, path, value))
    ]
    problems += [problem for section in resets for problem in _check_section(before, section)]
    if problems:
        return Verdict(before, problems=tuple(problems[:PROBLEM_LIMIT]))
    for path in [
        path for path, value in leaves.items() if value == SECRET_PLACEHOLDER and ground.is_secret(path)
    ]:
        del leaves[path]
    own = before.overrides if scope == "user" else before.session
    kept = (
        {
            path: value
            for path, value in own.items()
            if not any(is_within(path, section) for section in resets)
        }
        if resets
        else own
    )
    references = references or {} if scope == "user" else {}
    verdict = (None if resets else _amend(before, scope, references, leaves)) or _settle(
        before, {**kept, **leaves}, scope, references, leaves
    )
    if not verdict.is_taken:
        return verdict
    shadowed = {path: winner for path in leaves if (winner := winner_of(verdict.after.layers, path)) != scope}
    return replace(verdict, shadowed=shadowed)


def reset_section(before: Configuration, section: str, scope: Scope = "user") -> Verdict:
    """Let a section, or one setting, go back to what lies below."""
    return update(before, {}, resets=[section], scope=scope)


def reset_defaults(before: Configuration, scope: Scope = "user") -> Verdict:
    """Let every setting go back to what lies below."""
    return _settle(before, {}, scope, {}, {})


def take_file(before: Configuration, base: Mapping[str, Any], found: Mapping[str, Any]) -> Verdict:
    """Take up what somebody wrote into the file: of each override the side that changed since `base` counts, the file's if both did.

    A known setting with a value that does not fit refuses the edit as a whole; what is unknown or not allowed
    is set aside.
    """
    ours = before.stored
    theirs = {path for path in (*base, *found) if base.get(path, ...) != found.get(path, ...)}
    stored = {path: value for path, value in ours.items() if path not in theirs}
    stored |= {path: value for path, value in found.items() if path in theirs}
    after, problems = load(before.ground, stored, before.session)
    fields = before.ground.schema.fields
    wrong = [
        path
        for path in after.set_aside
        if path in theirs and path in fields and not laying.user_problem(before.ground, path)
    ]
    if wrong:
        words = {problem.path: problem.problem for problem in problems}
        return Verdict(
            before,
            problems=tuple(
                SettingProblem(path=path, problem=words.get(path, "it does not fit"))
                for path in wrong[:PROBLEM_LIMIT]
            ),
        )
    return _changed(before, after)


def reground(before: Configuration, ground: Ground) -> tuple[Verdict, list[SettingProblem]]:
    """The same overrides on another ground: the administrator's policy changed."""
    after, problems = load(ground, before.stored, before.session)
    return _changed(before, after), problems


def _amend(
    before: Configuration, scope: Scope, references: Mapping[str, Any], leaves: Mapping[str, Any]
) -> Verdict | None:
    """As `_settle`, for values that win and on which nothing else depends: only their sections are looked at. None where that is not so."""
    ground = before.ground
    above = [
        layer.values for layer in before.layers[[layer.name for layer in before.layers].index(scope) + 1 :]
    ]
    if ground.preset_setting in leaves or any(path in values for values in above for path in leaves):
        return None
    merged = {**before.merged, **leaves}
    judged = ground.schema.judge_sections(open_values(ground, merged), leaves)
    if judged is None:
        return None
    if judged.problems:
        return Verdict(before, problems=judged.problems[:PROBLEM_LIMIT])
    normal = {
        path: references.get(path, _normal(judged.effective, path, value, ground))
        for path, value in leaves.items()
    }
    wrong = next((path for path, value in normal.items() if not is_plain(value)), None)
    if wrong is not None:
        return _refused(before, wrong, NOT_PLAIN)
    merged |= normal
    told = laying.hidden(ground, merged, judged.effective)
    changed = {path: value for path, value in told.items() if _differs(before, merged, path, value)}
    own = {**(before.overrides if scope == "user" else before.session), **normal}
    after = Configuration(
        ground,
        overrides=own if scope == "user" else before.overrides,
        set_aside={path: value for path, value in before.set_aside.items() if path not in leaves}
        if scope == "user"
        else before.set_aside,
        session=own if scope == "session" else before.session,
        layers=tuple(
            Layer(scope, layer.source, own, layer.rejected, layer.sources) if layer.name == scope else layer
            for layer in before.layers
        ),
        merged=merged,
        effective={**before.effective, **changed},
        settings=amended(before.settings, changed),
        revision=before.revision + bool(changed),
    )
    return Verdict(after, changed)


def _settle(
    before: Configuration,
    own: Mapping[str, Any],
    scope: Scope,
    references: Mapping[str, Any],
    leaves: Mapping[str, Any],
) -> Verdict:
    """Replace what the user or the session has, if the whole is valid: below the other layers, and by itself."""
    ground = before.ground
    now = {layer.name: layer for layer in before.layers}
    now[scope] = replace(now[scope], values=own)
    above = laying.resolve(now[name] for name in ("user", "environment", "session", "policy"))
    now["preset"], problems = laying.preset_of(ground, above)
    stack = tuple(now[layer.name] for layer in before.layers)
    merged = laying.resolve(stack)
    judged = ground.schema.judge(open_values(ground, merged))
    alone = judged
    if not judged.problems and any(winner_of(stack, path) != scope for path in leaves):
        alone = ground.schema.judge(open_values(ground, {**now["preset"].values, **own}))
    problems = [*problems, *(judged.problems or alone.problems)]
    if problems:
        return Verdict(before, problems=tuple(problems[:PROBLEM_LIMIT]))
    normal = {
        **own,
        **{
            path: references.get(path, _normal(alone.effective, path, leaves[path], ground))
            for path in leaves
        },
    }
    wrong = [path for path in leaves if not is_plain(normal[path])]
    if wrong:
        return _refused(before, wrong[0], NOT_PLAIN)
    stack = tuple(replace(layer, values=normal) if layer.name == scope else layer for layer in stack)
    merged |= {path: normal[path] for path in leaves if winner_of(stack, path) == scope}
    set_aside = (
        {path: value for path, value in before.set_aside.items() if path not in leaves}
        if scope == "user"
        else before.set_aside
    )
    effective = laying.effective_of(ground, merged, judged.effective)
    after = replace(
        before,
        overrides=normal if scope == "user" else before.overrides,
        session=normal if scope == "session" else before.session,
        set_aside=set_aside,
        layers=stack,
        merged=merged,
        effective=effective,
        settings=nest(effective),
    )
    return _changed(before, after)


def _changed(before: Configuration, after: Configuration) -> Verdict:
    changed = {
        path: value for path, value in after.effective.items() if _differs(before, after.merged, path, value)
    }
    return Verdict(replace(after, revision=before.revision + bool(changed)), changed)


def _differs(before: Configuration, merged: Mapping[str, Any], path: str, value: Any) -> bool:
    return bool(
        before.effective.get(path, ...) != value
        or (value == SECRET_PLACEHOLDER and before.merged.get(path) != merged.get(path))
    )


def _normal(effective: Mapping[str, Any], path: str, value: Any, ground: Ground) -> Any:
    return value if is_reference(value) or ground.is_secret(path) else effective.get(path, value)


def _problem_of(ground: Ground, path: str, value: Any) -> str:
    words = laying.path_problem(ground, path) or laying.user_problem(ground, path)
    if not words and ground.is_secret(path) and not (value is None or isinstance(value, str)):
        words = "expected text; the value is not shown, since it is a secret"
    if not words and not is_plain(value):
        words = NOT_PLAIN
    return words


def _check_section(before: Configuration, section: str) -> list[SettingProblem]:
    if any(is_within(path, section) for path in before.effective):
        return []
    return [SettingProblem(path=section[:200], problem=f"there is no section or setting {section[:200]!r}")]


def _refused(before: Configuration, path: str, words: str) -> Verdict:
    return Verdict(before, problems=(SettingProblem(path=path, problem=words),))
