"""Plans a choice: what it would move and create, what would happen, and what prevents it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from actors.locations.directory_rules import judge_overlap, judge_place, judge_text
from actors.locations.location_survey import (
    LocationSources,
    environment_problem,
    real_paths,
    survey,
    user_data_of,
)
from actors.locations.observed_directory import ObservedDirectory, observe
from actors.shared.locations.location_choices import ROOTED, LocationChoices, ResolvedLocations
from actors.shared.locations.locations import absolute
from schemas.paths import Category, PathAction, PathChooseRequestEvent, PathProblem, PathStatus


@dataclass(frozen=True, kw_only=True)
class ChoicePlan:
    """What a choice would do.

    Attributes:
        choices: as they would be stored.
        path: the chosen directory, in full; empty for the default.
        problems: what prevents the choice.
        what_happens: sentences for people.
        paths: the categories that would change, as they would be.
        models: the new directory of the models; None if that does not change.
        to_create: missing directories, parents first.
        free_bytes: on the disk of the new models directory; None if unknown.
    """

    choices: LocationChoices
    path: str = ""
    problems: list[PathProblem]
    what_happens: list[str]
    paths: list[PathStatus]
    models: Path | None = None
    to_create: list[Path]
    free_bytes: int | None = None


def plan_choice(sources: LocationSources, event: PathChooseRequestEvent) -> ChoicePlan:
    """Plan a choice by what is on the disk now. Blocks until the drives answer."""
    before = sources.resolved()
    if event.path and (problems := judge_text(event.category, event.path)):
        return ChoicePlan(
            choices=sources.found.choices, problems=problems, what_happens=[], paths=[], to_create=[]
        )
    path = absolute(event.category, event.path) if event.path else None
    facts = observe(path) if path else None
    choices = sources.found.choices.choosing(
        event.category, str(path or ""), str(facts.mount) if facts else ""
    )
    after = sources.resolved(choices)
    concerned = [
        category
        for category in _rooted()
        if getattr(after.locations, category) != getattr(before.locations, category)
    ]
    problems = environment_problem(event.category, event.path, sources.environ)
    if event.category != "root" and event.category not in concerned:
        concerned.append(event.category)
    to_create: list[Path] = []
    if facts is not None and event.category == "root":
        problems += _allowing(
            [_of_root(problem) for problem in judge_place("models", facts, "", True)], event, facts, to_create
        )
    for category in concerned:
        problems += _judge(sources, after, category, event, to_create)
    moves = after.locations.models != before.locations.models
    return ChoicePlan(
        choices=choices,
        path=str(path or ""),
        problems=problems,
        what_happens=_sentences(sources, after, concerned, event.action, moves, to_create),
        paths=[status for status in survey(sources, choices) if status.category in concerned],
        models=after.locations.models if moves else None,
        to_create=to_create,
        free_bytes=observe(after.locations.models).free_bytes if moves else None,
    )


def _judge(
    sources: LocationSources,
    after: ResolvedLocations,
    category: Category,
    event: PathChooseRequestEvent,
    to_create: list[Path],
) -> list[PathProblem]:
    facts = observe(getattr(after.locations, category))
    by_name = bool(event.path) and category == event.category
    chosen_on = "" if by_name else _mount_before(sources, category, event)
    problems = _allowing(judge_place(category, facts, chosen_on, by_name), event, facts, to_create)
    if facts.kind == "missing" and not by_name and not problems:
        to_create.append(facts.path)
    others = {other: place for other, place in real_paths(after.locations).items() if other != category}
    if event.path:
        problems += judge_overlap(category, facts.real, others, user_data_of(sources.defaults))
    return problems


def _mount_before(sources: LocationSources, category: Category, event: PathChooseRequestEvent) -> str:
    """The mount point that a directory was on when it was chosen; empty if this choice replaces it."""
    return "" if event.category in ("root", category) else sources.found.choices.mount_of(category)


def _allowing(
    problems: list[PathProblem],
    event: PathChooseRequestEvent,
    facts: ObservedDirectory,
    to_create: list[Path],
) -> list[PathProblem]:
    """The problems that remain if the request allows missing directories to be created."""
    if event.create_missing and any(problem.kind == "missing" for problem in problems):
        to_create.append(facts.path)
        return [problem for problem in problems if problem.kind != "missing"]
    return problems


def _sentences(
    sources: LocationSources,
    after: ResolvedLocations,
    concerned: list[Category],
    action: PathAction,
    moves: bool,
    to_create: list[Path],
) -> list[str]:
    words = [f"{path} will be created" for path in to_create]
    former = sources.resolved().locations.models
    for category in concerned:
        target = getattr(after.locations, category)
        if category != "models":
            now = getattr(sources.at_start, category)
            words.append(
                f"{category} will stay in {now}"
                if now == target
                else f"{category} will be in {target} from the next start; existing files stay in {now}"
            )
        elif not moves:
            words.append(f"models will stay in {target}")
        elif action == "move":
            words.append(
                f"models will move to {target}: copied, verified, switched over, then removed from {former}; "
                "they can be used meanwhile"
            )
        elif action == "adopt":
            words.append(
                f"models that are found in {target} will be verified and used; "
                f"nothing is removed from {former}"
            )
        else:
            words.append(f"models will be downloaded again to {target}; nothing is removed from {former}")
    return words


def _of_root(problem: PathProblem) -> PathProblem:
    words = problem.message.removeprefix("models")
    return PathProblem(
        kind=problem.kind, category="root", path=problem.path, message=f"root{words}", offers=problem.offers
    )


def _rooted() -> tuple[Category, ...]:
    return ROOTED
