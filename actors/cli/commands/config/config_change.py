"""What the commands of `undercroft config` share: asking the store, and showing what changed."""

from __future__ import annotations

import json
from typing import Any, Final

from actors.cli.connection import ask, with_peer
from actors.cli.exit_codes import ExitCode
from actors.cli.options import Target
from actors.cli.output import print_json
from schemas.config import RuntimeConfigRequestEvent, RuntimeConfigResponseEvent, SettingChange

GET: Final = RuntimeConfigRequestEvent(operation="get_effective")


def ask_store(target: Target, request: RuntimeConfigRequestEvent) -> RuntimeConfigResponseEvent:
    """Send one request over one connection."""
    return with_peer(target, lambda peer: ask(peer, request))


def change(target: Target, request: RuntimeConfigRequestEvent) -> int:
    """Ask for a change and show it; returns the exit code."""
    return show_reply(target, ask_store(target, request))


def show_reply(target: Target, reply: RuntimeConfigResponseEvent) -> int:
    """Show the outcome of a change; returns the exit code."""
    if target.as_json:
        print_json(reply)
    else:
        show_change(reply)
    if not reply.success:
        return ExitCode.REFUSED
    return ExitCode.OK if reply.durable else ExitCode.FAILED


def show_change(reply: RuntimeConfigResponseEvent) -> None:
    """Print each setting that the request changed, each problem, and the outcome."""
    for path, changed in reply.changed.items():
        print(change_line(path, changed))
    for line in problem_lines(reply):
        print(line)
    print(reply.message if reply.success else "nothing was changed")


def change_line(path: str, changed: SettingChange) -> str:
    """Path, former value, new one. A secret that replaces another looks the same, so no value is shown."""
    if changed.before == changed.after:
        return f"{path}: new value"
    return f"{path}: {json_text(changed.before)} -> {json_text(changed.after)}"


def problem_lines(reply: RuntimeConfigResponseEvent) -> list[str]:
    """One line for each problem."""
    return [f"{problem.path or 'settings'}: {problem.problem}" for problem in reply.problems]


def json_text(value: Any) -> str:
    """A value as JSON, readable by people."""
    return json.dumps(value, ensure_ascii=False)
