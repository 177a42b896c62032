"""Finds out where every category lies, who decided that, and what is wrong; with and without a runtime."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from actors.locations.directory_rules import (
    effect_of,
    invalid_choice,
    judge_overlap,
    judge_place,
    set_by_variable,
)
from actors.locations.observed_directory import observe
from actors.shared.locations.location_choices import (
    ROOTED,
    LocationChoices,
    LocationChoicesFound,
    ResolvedLocations,
    is_below_one_home,
    resolve,
    variable_of,
)
from actors.shared.locations.locations import CATEGORIES, Locations
from schemas.paths import Category, Choosable, PathProblem, PathStatus

CHOSEN = ("root", "override", "environment")


@dataclass(frozen=True)
class LocationSources:
    """Everything that decides where files lie.

    Attributes:
        defaults: where everything lies without a choice.
        at_start: where it lay when the runtime started; files that are open stay there until the next start.
        found: what the user chose.
        environ: variables of the process.
    """

    defaults: Locations
    at_start: Locations
    found: LocationChoicesFound
    environ: Mapping[str, str]

    def resolved(self, choices: LocationChoices | None = None) -> ResolvedLocations:
        """Where everything lies with these choices; None: with those of the user."""
        return resolve(self.defaults, self.found.choices if choices is None else choices, self.environ)


def survey(sources: LocationSources, choices: LocationChoices | None = None) -> list[PathStatus]:
    """Look at every category, as it is or as it would be with other choices. Blocks until the drives answer.

    Args:
        sources: everything that decides where files lie.
        choices: other choices; None: those of the user.
    """
    choices = sources.found.choices if choices is None else choices
    resolved = sources.resolved(choices)
    faults = _faults(sources, resolved)
    return [
        _status(sources, choices, resolved, category, faults.get(category, [])) for category in _categories()
    ]


def real_paths(locations: Locations) -> dict[Category, Path]:
    """The directory of every category, with its links followed."""
    return {category: Path(os.path.realpath(getattr(locations, category))) for category in _categories()}


def user_data_of(defaults: Locations) -> tuple[Path, ...]:
    """The platform's directory for user data; empty below one home, where each category is separate."""
    return () if is_below_one_home(defaults) else (Path(os.path.realpath(defaults.tools.parent)),)


def is_chosen(resolved: ResolvedLocations, category: Category) -> bool:
    """Whether a person decided where it lies. Such a directory has to exist."""
    return resolved.origins[category] in CHOSEN


def environment_problem(category: Choosable, path: str, environ: Mapping[str, str]) -> list[PathProblem]:
    """Say that an environment variable sets a category; empty if none does."""
    return (
        [set_by_variable(category, path, variable_of(category))]
        if category in ROOTED and environ.get(variable_of(category))
        else []
    )


def _status(
    sources: LocationSources,
    choices: LocationChoices,
    resolved: ResolvedLocations,
    category: Category,
    faults: list[PathProblem],
) -> PathStatus:
    effect = effect_of(category)
    wanted = getattr(resolved.locations, category)
    active = wanted if effect == "now" else getattr(sources.at_start, category)
    facts = observe(active)
    chosen = is_chosen(resolved, category)
    problems = [
        *faults,
        *judge_place(category, facts, choices.mount_of(category) if active == wanted else "", chosen),
    ]
    if chosen:
        others = {
            other: place for other, place in real_paths(resolved.locations).items() if other != category
        }
        problems += judge_overlap(category, facts.real, others, user_data_of(sources.defaults))
    return PathStatus(
        category=category,
        path=str(active),
        next_path="" if active == wanted else str(wanted),
        origin=resolved.origins[category],
        default=str(getattr(sources.defaults, category)),
        exists=facts.kind == "directory",
        writable=facts.kind == "directory" and facts.may_write,
        free_bytes=facts.free_bytes,
        takes_effect=effect,
        problems=problems,
    )


def _faults(sources: LocationSources, resolved: ResolvedLocations) -> dict[Category, list[PathProblem]]:
    """Problems of the file of choices by category; those of the whole file belong to the models."""
    faults: dict[Category, list[PathProblem]] = {}
    if sources.found.fault:
        faults["models"] = [invalid_choice("models", str(resolved.locations.models), sources.found.fault)]
    for key, error in resolved.refused.items():
        category: Category = next((known for known in _categories() if known == key), "models")
        faults.setdefault(category, []).append(invalid_choice(category, error.path, error.problem))
    return faults


def _categories() -> tuple[Category, ...]:
    return CATEGORIES  # type: ignore[return-value]  # a test compares the fields of Locations with the contract
