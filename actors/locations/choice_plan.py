"""Judges a whole choice: what it would move, what would have to be created, what happens, and what is in the way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from actors.locations.directory_facts import Facts, observe
from actors.locations.directory_rules import judge_place, judge_territory, judge_text
from actors.locations.location_survey import Map, environment_problem, real_paths, survey, user_data_of
from actors.shared.locations.location_choices import ROOTED, LocationChoices, ResolvedLocations
from actors.shared.locations.locations import absolute
from schemas.paths import Category, PathAction, PathChooseRequestEvent, PathProblem, PathStatus


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What would come of a choice.

    Attributes:
        choices: as they would be kept.
        path: the choice itself, in full; empty for the default.
        models: where the models would lie; None if that does not change.
        to_create: directories that are missing, those above first.
        free_bytes: on the disk of the new models directory; None if it is not known.
    """

    choices: LocationChoices
    path: str = ""
    problems: list[PathProblem]
    what_happens: list[str]
    paths: list[PathStatus]
    models: Path | None = None
    to_create: list[Path]
    free_bytes: int | None = None


def plan(chart: Map, event: PathChooseRequestEvent) -> Plan:
    """Judge a choice by what can be seen of the disk now. Blocks for as long as the drives take."""
    before = chart.resolved()
    if event.path and (problems := judge_text(event.category, event.path)):
        return Plan(choices=chart.found.choices, problems=problems, what_happens=[], paths=[], to_create=[])
    path = absolute(event.category, event.path) if event.path else None
    facts = observe(path) if path else None
    choices = chart.found.choices.choosing(event.category, str(path or ""), str(facts.mount) if facts else "")
    after = chart.resolved(choices)
    concerned = [
        category
        for category in _rooted()
        if getattr(after.locations, category) != getattr(before.locations, category)
    ]
    problems = environment_problem(event.category, event.path, chart.environ)
    if event.category != "root" and event.category not in concerned:
        concerned.append(event.category)
    to_create: list[Path] = []
    if facts is not None and event.category == "root":
        problems += _allowing(
            [_of_root(problem) for problem in judge_place("models", facts, "", True)], event, facts, to_create
        )
    for category in concerned:
        problems += _judge(chart, after, category, event, to_create)
    moves = after.locations.models != before.locations.models
    return Plan(
        choices=choices,
        path=str(path or ""),
        problems=problems,
        what_happens=_sentences(chart, after, concerned, event.action, moves, to_create),
        paths=[status for status in survey(chart, choices) if status.category in concerned],
        models=after.locations.models if moves else None,
        to_create=to_create,
        free_bytes=observe(after.locations.models).free_bytes if moves else None,
    )


def _judge(
    chart: Map,
    after: ResolvedLocations,
    category: Category,
    event: PathChooseRequestEvent,
    to_create: list[Path],
) -> list[PathProblem]:
    facts = observe(getattr(after.locations, category))
    by_name = bool(event.path) and category == event.category
    chosen_on = "" if by_name else _mount_before(chart, category, event)
    problems = _allowing(judge_place(category, facts, chosen_on, by_name), event, facts, to_create)
    if facts.kind == "missing" and not by_name and not problems:
        to_create.append(facts.path)
    others = {other: place for other, place in real_paths(after.locations).items() if other != category}
    if event.path:
        problems += judge_territory(category, facts.real, others, user_data_of(chart.defaults))
    return problems


def _mount_before(chart: Map, category: Category, event: PathChooseRequestEvent) -> str:
    """On which mount point a directory was when it was chosen, as far as this choice says nothing new of it."""
    return "" if event.category in ("root", category) else chart.found.choices.mount_of(category)


def _allowing(
    problems: list[PathProblem], event: PathChooseRequestEvent, facts: Facts, to_create: list[Path]
) -> list[PathProblem]:
    """Without what the request says may be put right: a missing directory is created."""
    if event.create_missing and any(problem.kind == "missing" for problem in problems):
        to_create.append(facts.path)
        return [problem for problem in problems if problem.kind != "missing"]
    return problems


def _sentences(
    chart: Map,
    after: ResolvedLocations,
    concerned: list[Category],
    action: PathAction,
    moves: bool,
    to_create: list[Path],
) -> list[str]:
    words = [f"{path} is created" for path in to_create]
    former = chart.resolved().locations.models
    for category in concerned:
        target = getattr(after.locations, category)
        if category != "models":
            now = getattr(chart.at_start, category)
            words.append(
                f"{category} stay at {now}"
                if now == target
                else f"{category} lie at {target} from the next start on; what is at {now} stays there"
            )
        elif not moves:
            words.append(f"models stay at {target}")
        elif action == "move":
            words.append(
                f"models move to {target}: copied, verified, switched, then removed at {former}; they stay in use meanwhile"
            )
        elif action == "adopt":
            words.append(f"models that lie at {target} and match are used; nothing is removed at {former}")
        else:
            words.append(f"models are fetched anew to {target}; nothing is removed at {former}")
    return words


def _of_root(problem: PathProblem) -> PathProblem:
    words = problem.message.removeprefix("models")
    return PathProblem(
        kind=problem.kind, category="root", path=problem.path, message=f"root{words}", offers=problem.offers
    )


def _rooted() -> tuple[Category, ...]:
    return ROOTED  # type: ignore[return-value]  # some of the categories
