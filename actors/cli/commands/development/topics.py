"""`undercroft topics`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click
import msgspec

from actors.cli.connection import with_peer
from actors.cli.options import Target, pass_target, profile_option, target_options
from actors.cli.output import print_json
from actors.cli.runtime.runtime_search import find_runtime
from actors.cli.topics.app_topics import app_topics
from actors.cli.topics.topic_catalogue import TopicInfo, TopicKind, chosen, contract_topics
from actors.shared.profile.profile import BUNDLED_DIRECTORY, DEFAULT_PROFILE, find_profile
from bus.client import Peer
from bus.errors import NotRunning
from schemas.operations.bus import BusStatisticsRequestEvent

SHOWN_WHOLE: Final = 3
"""With so many topics or fewer, their fields are shown without being asked for."""


@click.command()
@click.argument("pattern", default="*")
@click.option("--fields", is_flag=True, help="Show the fields of all of them.")
@target_options
@profile_option
@pass_target
def topics(target: Target, pattern: str, fields: bool) -> None:
    """List the topics of events and requests, the app's own included.

    PATTERN is a topic, or has '*' for any text. Topics of the app come from the code of its actors: of the
    runtime that is up, else of --profile. What was only seen on the bus is listed without fields.

    \b
    Examples:
      undercroft topics
      undercroft topics 'myapp.*'
      undercroft topics config.request
      undercroft topics --profile ./myapp --json | jq -r '.topics[] | select(.origin == "app") | .topic'
    """
    directory, seen = _seen(target)
    own, problem = app_topics(directory) if directory else ([], "")
    if problem:
        print(
            f"undercroft: topics of the app are missing: {problem}; see 'undercroft check'", file=sys.stderr
        )
    found = chosen(_merged([*contract_topics(), *own], seen), pattern)
    if target.as_json:
        print_json({"topics": found})
        return
    if not found:
        print(f"no topic matches {pattern!r}; 'undercroft topics' lists all")
    width = max((len(one.topic) for one in found), default=0)
    for one in found:
        print(_line(one, width))
        for line in _details(one) if fields or len(found) <= SHOWN_WHOLE else ():
            print(f"    {line}")


def _seen(target: Target) -> tuple[Path | None, dict[str, list[str]]]:
    """Directory of the app's profile, and what is on the bus: topic to the peers that serve it."""
    if target.profile != DEFAULT_PROFILE:
        return find_profile(target.profile), {}
    try:
        runtime = find_runtime(target)
    except NotRunning:
        return None, {}
    seen = with_peer(target, _topics_on_the_bus)
    directory = Path(runtime.profile) if runtime.profile else None
    return (None if directory is None or directory.is_relative_to(BUNDLED_DIRECTORY) else directory), seen


async def _topics_on_the_bus(peer: Peer) -> dict[str, list[str]]:
    statistics = await peer.request(BusStatisticsRequestEvent())
    found: dict[str, list[str]] = {topic: [] for topic in statistics.topics}
    for other in statistics.peers:
        for topic in other.serves:
            found.setdefault(topic, []).append(other.peer)
    return found


def _merged(known: list[TopicInfo], seen: dict[str, list[str]]) -> list[TopicInfo]:
    """What is known, with who serves it, and what was only seen; by topic."""
    named = {one.topic: msgspec.structs.replace(one, served_by=seen.get(one.topic, [])) for one in known}
    for topic, peers in seen.items():
        if topic not in named:
            kind: TopicKind = "request" if peers else "event"
            named[topic] = TopicInfo(topic=topic, kind=kind, origin="bus", served_by=peers)
    return [named[topic] for topic in sorted(named)]


def _line(one: TopicInfo, width: int) -> str:
    return f"{one.topic:{width}}  {one.kind:7}  {one.about or 'seen on the bus'}"


def _details(one: TopicInfo) -> list[str]:
    lines = [
        f"{field.name}: {field.type}"
        + (f" = {field.default}" if field.default else "")
        + (f"    {field.about}" if field.about else "")
        for field in one.fields
    ]
    if one.reply:
        lines.append(f"-> {one.reply}")
    if one.served_by:
        lines.append(f"served by {', '.join(one.served_by)}")
    return lines
