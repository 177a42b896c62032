"""Messages of different processes may arrive in either order, and the supervisor is right about both.

| channel | from | carries | order |
|---|---|---|---|
| letters | fork server | forked, started, failed, exited, killed; its end | as it wrote them |
| lifeline | one process | ready, pongs, nonsense; its end | as it wrote them; read before its exit |
| feed | broker | greetings (`ready = "hello"`) | as the broker heard them |
| requests | peers, signals | restart, stop, the profile read again | as they come |
| time | clock | start timeouts, pings, delays, stop steps, proof of health | none: after what has arrived |

| pair | fate, whichever comes first |
|---|---|
| started / ready or greeting | remembered; ready once both are there |
| started / nonsense on the lifeline | its process alone is killed, once it is reported |
| started / restart, stop, changed or left profile | the stop goes on when the process is reported |
| started / exited of the same process | the server writes started first |
| started / timeout | the time to start counts from started; creating a process has a time of its own |
| ready / exited | what was said before the end is read first; a word of an earlier life does not count |
| ready / stop, restart, profile | a stopping child stays stopping |
| ready / timeout | what has arrived is read before the clock is looked at |
| greeting / exited, then started anew | a late greeting may count for the next life, a moment early |
| pong / timeout, exited | a late supervisor gives the missed time back |
| nonsense / exited, stop | kills what is there; what follows the stop stays as it was asked |
| lifeline's end / exited | its end alone means nothing: pings or the exit tell |
| exited / restart, stop, profile, memory, timeout | the exit counts once; what was asked for happens |
| exited of an earlier process / started of the next | process ids tell them apart |
| failed / stop, restart, profile, giving up | the order is over; what was asked for happens |
| end of the fork server / any letter | what it wrote is read first; all others of its children have ended |
| end of the fork server / start order | failed; tried again with the next server |
| broker ready / others | nobody starts before; restarts of it disturb nobody |
| `runtime.json` written / broker ready, exited | ready counts after it, for that life alone |
| HELLO / roster | the broker reads its lifeline before it refuses a name |
| profile read / profile changed again | the newest counts |
| kill / exited | killed again while it is there; a runtime that stops waits for it only so long |

The tests below try orders on paper (`tests/support/supervised_world.py`): all pairs of what can happen next,
in both orders, from each situation; and long random lives.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from actors.runtime.supervisor.core.child_spec import ChildSpec
from tests.support.supervised_world import SupervisedWorld

BROKER = ChildSpec(name="broker")
KINDS = {
    "actor": ChildSpec(name="child", entry="m:b", depends_on=("broker",), memory_limit_mib=10),
    "transient actor": ChildSpec(name="child", entry="m:b", depends_on=("broker",), restart="transient"),
    "hello": ChildSpec(name="child", command=("x",), ready="hello", depends_on=("broker",)),
    "started": ChildSpec(name="child", command=("x",), ready="started", depends_on=("broker",)),
    "temporary": ChildSpec(
        name="child", command=("x",), ready="started", restart="temporary", depends_on=("broker",)
    ),
}
DEPENDENT = ChildSpec(name="dependent", entry="m:b", depends_on=("child",))


def ordered(kind: str) -> SupervisedWorld:
    world = SupervisedWorld([BROKER, KINDS[kind], DEPENDENT])
    world.fork()
    world.deliver_letter()
    world.become_ready("broker")
    world.deliver_lifeline("broker")
    assert world.policy.children["child"].state == "starting"
    assert world.process_of("child") is None
    return world


def forked(kind: str) -> SupervisedWorld:
    world = ordered(kind)
    world.fork()
    assert world.policy.children["child"].pid is None
    assert world.process_of("child") is not None
    return world


def reported(kind: str) -> SupervisedWorld:
    world = forked(kind)
    world.deliver_letter()
    return world


def said(kind: str) -> SupervisedWorld:
    world = forked(kind)
    world.become_ready("child")
    return world


def serving(kind: str) -> SupervisedWorld:
    world = said(kind)
    world.deliver_all()
    return world


def pinged(kind: str) -> SupervisedWorld:
    world = serving(kind)
    world.tick()
    return world


def stopping(kind: str) -> SupervisedWorld:
    world = serving(kind)
    world.restart("child")
    return world


def hung(kind: str) -> SupervisedWorld:
    world = serving(kind)
    process = world.process_of("child")
    if process is not None:
        process.is_healthy = False
    return world


def delayed(kind: str) -> SupervisedWorld:
    world = serving(kind)
    for _ in range(2):
        world.end("child")
        world.deliver_letter()
        world.fork()
        world.deliver_letter()
    return world


SITUATIONS: list[Callable[[str], SupervisedWorld]] = [
    ordered,
    forked,
    reported,
    said,
    serving,
    pinged,
    stopping,
    hung,
    delayed,
]
ACTIONS = [words for words, _ in SupervisedWorld([BROKER]).actions("broker")]


def _do(world: SupervisedWorld, words: str, name: str) -> bool:
    return next(action for found, action in world.actions(name) if found == words)()


@pytest.mark.requirement("C-4")
@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.__name__)
@pytest.mark.parametrize(
    "kind",
    [kind if kind in ("actor", "hello") else pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS],
)
def test_any_two_things_happen_in_either_order_and_all_comes_to_rest(
    kind: str, situation: Callable[[str], SupervisedWorld]
) -> None:
    for first, second in itertools.product(ACTIONS, repeat=2):
        world = situation(kind)
        trail = (kind, situation.__name__, first, second)
        try:
            if _do(world, first, "child"):
                _do(world, second, "child")
            world.settle()
        except AssertionError as error:
            raise AssertionError(f"{trail}: {error}") from error


@pytest.mark.requirement("C-4")
@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.__name__)
def test_anything_happens_to_the_broker_and_the_others_come_to_rest(
    situation: Callable[[str], SupervisedWorld],
) -> None:
    for first, second in itertools.product(ACTIONS, repeat=2):
        if "it leaves the profile" in (first, second):
            continue  # every profile has a broker
        world = situation("actor")
        try:
            _do(world, first, "broker")
            _do(world, second, "child")
            world.settle()
        except AssertionError as error:
            raise AssertionError(f"{situation.__name__}, {first}, {second}: {error}") from error


def test_a_word_that_was_said_before_the_end_is_read_before_the_end_counts() -> None:
    world = said("actor")
    world.deliver_letter()
    world.end("child")
    world.deliver_letter()
    assert [record.was for record in world.records] == ["ready"]


def test_a_word_of_an_earlier_life_makes_nobody_ready() -> None:
    world = said("actor")
    world.deliver_lifeline("child")
    world.lose_server()
    world.deliver_all()
    assert world.policy.children["child"].state != "ready"


class AnyOrder(RuleBasedStateMachine):
    """Children that do anything, over channels that deliver whenever they like."""

    names = st.sampled_from(["broker", "actor", "greeter", "tool", "above"])

    def __init__(self) -> None:
        super().__init__()
        self.world = SupervisedWorld(
            [
                BROKER,
                ChildSpec(name="actor", entry="m:b", depends_on=("broker",), memory_limit_mib=10),
                ChildSpec(name="greeter", command=("x",), ready="hello", depends_on=("broker",)),
                ChildSpec(
                    name="tool",
                    command=("x",),
                    ready="started",
                    restart="transient",
                    shutdown_timeout_seconds=0,
                    depends_on=("actor",),
                ),
                ChildSpec(
                    name="above", entry="m:b", depends_on=("actor", "greeter"), heartbeat_timeout_seconds=3
                ),
            ]
        )

    @rule(name=names, words=st.sampled_from([words for words in ACTIONS if words != "all is to stop"]))
    def act(self, name: str, words: str) -> None:
        if words == "it leaves the profile" and name == "broker":
            return
        _do(self.world, words, name)

    @rule()
    def deliver_everything(self) -> None:
        self.world.deliver_all()

    @rule(name=names)
    def hang(self, name: str) -> None:
        process = self.world.process_of(name)
        if process is not None:
            process.is_healthy = False

    @rule(name=names)
    def come_back(self, name: str) -> None:
        """The profile is as it was."""
        self.world.reload(self.world.specs)

    @invariant()
    def holds(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        self.world.settle()
        self.world.stop()
        self.world.settle()


AnyOrder.TestCase.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
TestAnyOrder: Any = AnyOrder.TestCase
