"""What the commands of `undercroft config` have in common: asking the store, and showing what changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from actors.cli.connection import ask, with_peer
from actors.cli.exit_codes import ExitCode, print_json
from actors.cli.options import Target
from bus.client import Peer
from schemas.config import (
    RuntimeConfigRequestEvent,
    RuntimeConfigResponseEvent,
    SettingsDescribedEvent,
    SettingsDescribeRequestEvent,
)

GET = RuntimeConfigRequestEvent(operation="get_effective")


def ask_store(target: Target, request: RuntimeConfigRequestEvent) -> RuntimeConfigResponseEvent:
    """One request, one answer."""
    return with_peer(target, lambda peer: ask(peer, request))


def describe(target: Target) -> SettingsDescribedEvent:
    """What settings there are."""
    return with_peer(target, lambda peer: ask(peer, SettingsDescribeRequestEvent()))


def secrets_of(target: Target) -> set[str]:
    """Dotted paths of the settings that are secrets."""
    return {field.path for field in describe(target).fields if field.is_secret}


def change(target: Target, request: RuntimeConfigRequestEvent) -> int:
    """Ask for a change and show it: path, former value, new one."""

    async def talk(peer: Peer) -> tuple[RuntimeConfigResponseEvent, RuntimeConfigResponseEvent]:
        return await ask(peer, GET), await ask(peer, request)

    before, after = with_peer(target, talk)
    if target.as_json:
        print_json(after)
    else:
        show_change(before, after)
    if not after.success:
        return ExitCode.REFUSED
    return ExitCode.OK if after.durable else ExitCode.FAILED


def show_change(before: RuntimeConfigResponseEvent, after: RuntimeConfigResponseEvent) -> None:
    """Each setting that has another value now, what was wrong, and how it ended."""
    former = dict(flat(before.settings))
    for path, value in flat(after.settings):
        if former.get(path, ...) != value:
            print(
                f"{path}: {json.dumps(former.get(path), ensure_ascii=False)} -> {json.dumps(value, ensure_ascii=False)}"
            )
    for problem in after.problems:
        print(f"{problem.path or 'settings'}: {problem.problem}")
    print(after.message if after.success else "nothing was changed")


def flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted path and value of each setting; an empty object counts as a value."""
    for name, value in settings.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def is_within(path: str, section: str | None) -> bool:
    """Whether a path lies in a section, or is it; no section holds all."""
    return not section or path == section or path.startswith(section + ".")
