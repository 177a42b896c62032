"""Child specs: how the supervisor treats one process, in the terms of Erlang/OTP. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, get_args

from bus.errors import OperatorError

Restart = Literal["permanent", "transient", "temporary"]
"""`permanent`: always started again. `transient`: only after an abnormal exit. `temporary`: never."""

Readiness = Literal["message", "hello", "started"]
"""When a child counts as ready. `message`: it says so over its lifeline. `hello`: a peer of its name greeted
the broker. `started`: its process exists."""

BROKER: Final = "broker"
SUPERVISOR: Final = "supervisor"
NAME_PATTERN: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
HEARTBEAT_TIMEOUT_SECONDS: Final = 10.0
ENTRY_PATTERN: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


class SpecError(OperatorError):
    """A child spec that cannot be carried out.

    Attributes:
        child: name of the child.
        option: which option is wrong.
        detail: what was expected and what was found.
    """

    child: str
    option: str
    detail: str
    words = "child {child!r}, option {option!r}: {detail}"


@dataclass(frozen=True, kw_only=True)
class ChildSpec:
    """How one child is started, watched and stopped.

    Attributes:
        entry: `package.module:build` of a Python actor; empty for a command.
        command: program and arguments of a child in any language; empty for an actor.
        directory: where a command runs; None for the supervisor's own working directory.
        path: directory appended to the module search path of an actor; None for none.
        depends_on: children that must be ready before this one starts for the first time.
        start_timeout_seconds: how long it may take from its start until it is ready.
        shutdown_timeout_seconds: how long it may take to end after the stop message (TERM for a command)
            before it is asked harder.
        heartbeat_timeout_seconds: how long its event loop may leave a ping unanswered; 0 turns the watchdog
            off; None: HEARTBEAT_TIMEOUT_SECONDS for an actor, 0 for a command. A command is pinged over the
            bus, as the peer of its name.
        memory_limit_mib: private memory above which it is restarted; 0 for no limit.
        intensity, period_seconds: more restarts than `intensity` within `period_seconds` open its circuit.
    """

    name: str
    entry: str = ""
    command: tuple[str, ...] = ()
    directory: Path | None = None
    path: Path | None = None
    restart: Restart = "permanent"
    depends_on: tuple[str, ...] = ()
    ready: Readiness = "message"
    start_timeout_seconds: float = 30.0
    shutdown_timeout_seconds: float = 5.0
    heartbeat_timeout_seconds: float | None = None
    memory_limit_mib: int = 0
    intensity: int = 5
    period_seconds: float = 60.0
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)

    def __post_init__(self) -> None:
        for option, problem in self._problems():
            raise SpecError(self.name, option, problem)

    @property
    def has_lifeline(self) -> bool:
        """Whether it exchanges messages with the supervisor; commands in any language do not."""
        return not self.command

    @property
    def hangs_after_seconds(self) -> float:
        """How long a ping may stay unanswered; 0 for ever."""
        if self.heartbeat_timeout_seconds is not None:
            return self.heartbeat_timeout_seconds
        return HEARTBEAT_TIMEOUT_SECONDS if self.has_lifeline else 0.0

    def _problems(self) -> Iterable[tuple[str, str]]:
        if not NAME_PATTERN.fullmatch(self.name):
            yield "name", f"expected 1 to 63 of a-z, 0-9 and _, starting with a letter, found {self.name!r}"
        if self.name == SUPERVISOR:
            yield "name", f"{SUPERVISOR!r} is the name of the supervisor itself, choose another"
        if self.name == BROKER and (self.command or self.entry):
            yield "name", f"{BROKER!r} is the name of the broker itself, choose another"
        if self.name != BROKER and bool(self.entry) == bool(self.command):
            yield (
                "command",
                'expected either entry = "module:build" or command = [...], found '
                + ("both" if self.entry else "neither"),
            )
        if self.entry and not ENTRY_PATTERN.fullmatch(self.entry):
            yield "entry", f"expected 'package.module:build', found {self.entry!r}"
        if any("\0" in part for part in self.command) or (self.command and not self.command[0]):
            yield "command", f"expected a program and its arguments, found {list(self.command)!r}"
        if self.command and self.heartbeat_timeout_seconds and self.ready != "hello":
            problem = "a command is pinged over the bus, which needs ready = 'hello'"
            yield "heartbeat_timeout_seconds", f"{problem}, found {self.ready!r}"
        if self.command and self.ready == "message":
            yield "ready", "a command has no lifeline, expected 'hello' or 'started', found 'message'"
        yield from self._choices()
        yield from self._numbers()

    def _choices(self) -> Iterable[tuple[str, str]]:
        for option, found, choices in (
            ("restart", self.restart, get_args(Restart)),
            ("ready", self.ready, get_args(Readiness)),
        ):
            if found not in choices:
                yield option, f"expected one of {', '.join(choices)}, found {found!r}"
        if self.name in self.depends_on:
            yield "depends_on", "a child cannot depend on itself"
        for key, value in self.environment.items():
            if not key or "=" in key or "\0" in key + value:
                yield "environment", f"{key!r} cannot be the name of a variable, or its value holds a NUL"

    def _numbers(self) -> Iterable[tuple[str, str]]:
        for option, lowest, highest in (
            ("start_timeout_seconds", 0.1, 3600),
            ("shutdown_timeout_seconds", 0, 3600),
            ("heartbeat_timeout_seconds", 0, 3600),
            ("memory_limit_mib", 0, 1024 * 1024),
            ("intensity", 0, 1000),
            ("period_seconds", 1, 86400),
        ):
            found = getattr(self, option) or 0
            if not lowest <= found <= highest:
                yield option, f"expected {lowest:g} to {highest:g}, found {found:g}"


def start_order(specs: Iterable[ChildSpec]) -> list[ChildSpec]:
    """Order specs so that every child comes after those it depends on, otherwise as given.

    Raises:
        SpecError: a name is taken twice, a dependency is unknown, or the dependencies form a cycle.
    """
    named: dict[str, ChildSpec] = {}
    for spec in specs:
        if spec.name in named:
            raise SpecError(spec.name, "name", "expected a name of its own, found two children of this name")
        named[spec.name] = spec
    ordered: dict[str, ChildSpec] = {}

    def place(spec: ChildSpec, trail: tuple[str, ...]) -> None:
        if spec.name in trail:
            cycle = " -> ".join([*trail[trail.index(spec.name) :], spec.name])
            raise SpecError(spec.name, "depends_on", f"expected no cycle, found {cycle}")
        if spec.name in ordered:
            return
        for dependency in spec.depends_on:
            if dependency not in named:
                raise SpecError(
                    spec.name,
                    "depends_on",
                    f"expected one of {', '.join(sorted(named))}, found {dependency!r}",
                )
            place(named[dependency], (*trail, spec.name))
        ordered[spec.name] = spec

    for spec in named.values():
        place(spec, ())
    return list(ordered.values())
