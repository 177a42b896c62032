"""What a settings request does to the configuration. Pure: settings in, settings out; a batch is taken whole or not at all.

Only overrides are kept; what is in effect is the app's defaults with the overrides laid over them by dotted path.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from schemas.config import SettingProblem

PROBLEM_LIMIT: Final = 100


@dataclass(frozen=True)
class Configuration:
    """The settings of an app at one moment.

    Attributes:
        allowlist: paths that may be overridden, `*` for any one part, a section for all below it; None: all.
        overrides: dotted path to value, as the user set them.
        set_aside: overrides that were found on disk and are not in effect (unknown, not allowed, out of range); they are
            kept as they are, since another version of the app may know them.
        effective: dotted path to value, for every setting.
    """

    model: type[BaseModel]
    allowlist: tuple[str, ...] | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    set_aside: Mapping[str, Any] = field(default_factory=dict)
    effective: Mapping[str, Any] = field(default_factory=dict)
    revision: int = 0

    @property
    def settings(self) -> dict[str, Any]:
        """All effective settings, nested by section."""
        return nest(self.effective)


@dataclass(frozen=True)
class Verdict:
    """What becomes of a request: the configuration after it, or the problems because of which nothing changes."""

    after: Configuration
    changed: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[SettingProblem, ...] = ()

    @property
    def is_taken(self) -> bool:
        """Whether every key of the request was taken."""
        return not self.problems


def load(model: type[BaseModel], allowlist: tuple[str, ...] | None, stored: Mapping[str, Any]) -> tuple[Configuration, list[SettingProblem]]:
    """Lay what was found on disk over the defaults. An override that cannot be taken falls back alone, is reported, and kept aside.

    Raises:
        ValidationError: the model's own defaults are not valid.
    """
    before = Configuration(model, allowlist, effective=effective_of(model, {}))
    problems = [problem for path in sorted(stored) for problem in check_path(before, path)]
    wrong = {problem.path for problem in problems}
    candidates = {path: value for path, value in stored.items() if path not in wrong}
    while True:
        found = check_values(model, candidates)
        if not found:
            break
        problems += found
        rejected = {path for path in candidates if any(is_within(problem.path, path) or is_within(path, problem.path) for problem in found)}
        candidates = {path: value for path, value in candidates.items() if path not in (rejected or set(candidates))}
    set_aside = {path: value for path, value in stored.items() if path not in candidates}
    return replace(before, overrides=candidates, set_aside=set_aside, effective=effective_of(model, candidates)), problems[:PROBLEM_LIMIT]


def update(before: Configuration, updates: Mapping[str, Any]) -> Verdict:
    """Set several settings at once; a section may be given as a nested object."""
    if not updates:
        return Verdict(before, problems=(SettingProblem(path="", problem="no setting is named; expected at least one path and value"),))
    leaves = spread(before.model, updates)
    problems = [problem for path in leaves for problem in check_path(before, path)]
    if not problems:
        problems = check_values(before.model, {**before.overrides, **leaves})
    if problems:
        return Verdict(before, problems=tuple(problems[:PROBLEM_LIMIT]))
    return _settle(before, {**before.overrides, **leaves}, {path: v for path, v in before.set_aside.items() if path not in leaves})


def reset_section(before: Configuration, section: str) -> Verdict:
    """Let a section, or one setting, go back to its defaults."""
    if not any(is_within(path, section) for path in before.effective):
        return Verdict(before, problems=(SettingProblem(path=section, problem=f"there is no section or setting {section!r}"),))
    overrides = {path: value for path, value in before.overrides.items() if not is_within(path, section)}
    problems = check_values(before.model, overrides)
    return Verdict(before, problems=tuple(problems)) if problems else _settle(before, overrides, before.set_aside)


def reset_defaults(before: Configuration) -> Verdict:
    """Let every setting go back to its default."""
    return _settle(before, {}, before.set_aside)


def _settle(before: Configuration, overrides: Mapping[str, Any], set_aside: Mapping[str, Any]) -> Verdict:
    effective = effective_of(before.model, overrides)
    changed = {path: value for path, value in effective.items() if before.effective.get(path, ...) != value}
    normal = {path: effective.get(path, value) for path, value in overrides.items()}
    revision = before.revision + bool(changed)
    return Verdict(replace(before, overrides=normal, set_aside=set_aside, effective=effective, revision=revision), changed)


# -- paths ---------------------------------------------------------------------------------------------------------------


def is_within(path: str, section: str) -> bool:
    """Whether a path is a section's own, or lies below it."""
    return path == section or path.startswith(section + ".")


def is_allowed(allowlist: Iterable[str] | None, path: str) -> bool:
    """Whether the allowlist lets a path be overridden."""
    if allowlist is None:
        return True
    parts = path.split(".")
    return any(
        len(wanted) <= len(parts) and all(one in ("*", part) for one, part in zip(wanted, parts, strict=False))
        for wanted in (pattern.split(".") for pattern in allowlist)
    )


def check_path(configuration: Configuration, path: str) -> list[SettingProblem]:
    """Whether there is such a setting, and whether it may be changed."""
    if path not in configuration.effective:
        sections = sorted({known.split(".")[0] for known in configuration.effective})
        return [SettingProblem(path=path[:200], problem=f"there is no setting {path[:200]!r}; sections are {', '.join(sections)}")]
    if not is_allowed(configuration.allowlist, path):
        return [SettingProblem(path=path, problem=f"{path} may not be changed by the user; the profile's allowlist does not name it")]
    return []


def check_values(model: type[BaseModel], overrides: Mapping[str, Any]) -> list[SettingProblem]:
    """Whether the overrides make valid settings, together with the defaults of all others."""
    try:
        model.model_validate(nest(overrides))
    except ValidationError as error:
        return [
            SettingProblem(path=".".join(map(str, one["loc"])), problem=f"{one['msg']}; found {repr(one['input'])[:100]}")
            for one in error.errors(include_url=False, include_context=False)
        ]
    return []


def effective_of(model: type[BaseModel], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting by dotted path, as plain data.

    Raises:
        ValidationError: the overrides do not fit the model.
    """
    return flatten(model.model_validate(nest(overrides)))


def flatten(instance: BaseModel, prefix: str = "") -> dict[str, Any]:
    """Settings of an instance by dotted path; only sections, which are models themselves, are opened."""
    plain = instance.model_dump(mode="json")
    flat: dict[str, Any] = {}
    for name in type(instance).model_fields:
        value = getattr(instance, name)
        if isinstance(value, BaseModel):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = plain[name]
    return flat


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted paths to nested objects."""
    nested: dict[str, Any] = {}
    for path, value in flat.items():
        *sections, name = path.split(".")
        inner = nested
        for section in sections:
            inner = inner.setdefault(section, {})
        inner[name] = value
    return nested


def spread(model: type[BaseModel], updates: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Open nested objects that stand for a section into the dotted paths of its settings."""
    leaves: dict[str, Any] = {}
    for path, value in updates.items():
        section = _section(model, path)
        if section is not None and isinstance(value, Mapping):
            leaves |= spread(section, value, f"{prefix}{path}.")
        else:
            leaves[prefix + path] = value
    return leaves


def _section(model: type[BaseModel], path: str) -> type[BaseModel] | None:
    """The model of a section; None if the path names a single setting or nothing."""
    found: Any = model
    for part in path.split("."):
        known = found.model_fields.get(part) if isinstance(found, type) and issubclass(found, BaseModel) else None
        if known is None:
            return None
        found = known.annotation
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None
