"""Puts together where every category lies, who decided and what is wrong; with and without a runtime."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from actors.locations.directory_facts import observe
from actors.locations.directory_rules import (
    decided_elsewhere,
    effect_of,
    judge_place,
    judge_territory,
    refused_choice,
)
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
class Map:
    """Everything that decides where files lie.

    Attributes:
        defaults: where everything lies if nobody chooses.
        at_start: where it lay when the runtime started; what is open stays there until the next start.
        found: what a person chose.
    """

    defaults: Locations
    at_start: Locations
    found: LocationChoicesFound
    environ: Mapping[str, str]

    def resolved(self, choices: LocationChoices | None = None) -> ResolvedLocations:
        """Where everything lies with these choices; without any, with those of the person."""
        return resolve(self.defaults, self.found.choices if choices is None else choices, self.environ)


def survey(chart: Map, choices: LocationChoices | None = None) -> list[PathStatus]:
    """Look at every category: as it is, or as it would be with other choices. Blocks for as long as the drives take."""
    choices = chart.found.choices if choices is None else choices
    resolved = chart.resolved(choices)
    faults = _faults(chart, resolved)
    return [
        _status(chart, choices, resolved, category, faults.get(category, [])) for category in _categories()
    ]


def real_paths(locations: Locations) -> dict[Category, Path]:
    """Every category with its links followed."""
    return {category: Path(os.path.realpath(getattr(locations, category))) for category in _categories()}


def user_data_of(defaults: Locations) -> tuple[Path, ...]:
    """The platform's directory of what the app keeps of its user; nothing below one home, where each category is a directory of its own."""
    return () if is_below_one_home(defaults) else (Path(os.path.realpath(defaults.tools.parent)),)


def is_chosen(resolved: ResolvedLocations, category: Category) -> bool:
    """Whether a person decided where it lies, so that it has to be there."""
    return resolved.origins[category] in CHOSEN


def environment_problem(category: Choosable, path: str, environ: Mapping[str, str]) -> list[PathProblem]:
    """Whether a variable decides about a category."""
    return (
        [decided_elsewhere(category, path, variable_of(category))]
        if category in ROOTED and environ.get(variable_of(category))
        else []
    )


def _status(
    chart: Map,
    choices: LocationChoices,
    resolved: ResolvedLocations,
    category: Category,
    faults: list[PathProblem],
) -> PathStatus:
    effect = effect_of(category)
    wanted = getattr(resolved.locations, category)
    active = wanted if effect == "now" else getattr(chart.at_start, category)
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
        problems += judge_territory(category, facts.real, others, user_data_of(chart.defaults))
    return PathStatus(
        category=category,
        path=str(active),
        next_path="" if active == wanted else str(wanted),
        origin=resolved.origins[category],
        default=str(getattr(chart.defaults, category)),
        exists=facts.kind == "directory",
        writable=facts.kind == "directory" and facts.may_write,
        free_bytes=facts.free_bytes,
        takes_effect=effect,
        problems=problems,
    )


def _faults(chart: Map, resolved: ResolvedLocations) -> dict[Category, list[PathProblem]]:
    """What is wrong with the file of choices, told with the category it would have moved; with the models if it is all of them."""
    faults: dict[Category, list[PathProblem]] = {}
    if chart.found.fault:
        faults["models"] = [refused_choice("models", str(resolved.locations.models), chart.found.fault)]
    for key, error in resolved.refused.items():
        category: Category = next((known for known in _categories() if known == key), "models")
        faults.setdefault(category, []).append(refused_choice(category, error.path, error.problem))
    return faults


def _categories() -> tuple[Category, ...]:
    return CATEGORIES  # type: ignore[return-value]  # the fields of Locations are the categories of the contract; a test holds them together
