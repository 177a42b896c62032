"""What the supervisor decides, without a process and without a clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from actors.runtime.supervisor.core.child_spec import ChildSpec
from actors.runtime.supervisor.core.supervision_events import (
    Action,
    Announce,
    BecameReady,
    Dump,
    Exited,
    ExitStatus,
    Forget,
    Happening,
    Leave,
    LifelineBroke,
    MemoryMeasured,
    Ping,
    Ponged,
    Record,
    RestartAsked,
    Send,
    SpecsChanged,
    Start,
    Started,
    StartFailed,
    StopAsked,
    Tell,
    Ticked,
)
from actors.runtime.supervisor.core.supervision_policy import Supervision

CLEAN = ExitStatus(code=0)
KILLED = ExitStatus(signal=9)


def actor(name: str, *depends_on: str, **options: Any) -> ChildSpec:
    return ChildSpec(name=name, entry="m:b", depends_on=depends_on, **options)


class World:
    """A supervision with processes that only exist on paper."""

    def __init__(self, *specs: ChildSpec) -> None:
        self.now = 1000.0
        self.supervision = Supervision(specs, self.now)
        self.pids: dict[str, int] = {}
        self.log: list[Action] = []
        self.records: list[Record] = []
        self.born = 0

    def tell(self, happening: Happening) -> list[Action]:
        found = self.supervision.handle(happening, self.now)
        self.records += [action for action in found if isinstance(action, Record)]
        actions: list[Action] = [action for action in found if not isinstance(action, Announce | Record)]
        self.log += actions
        return actions

    def begin(self) -> list[Action]:
        return self.tell(Ticked())

    def start(self, name: str) -> list[Action]:
        self.born += 1
        self.pids[name] = self.born
        return self.tell(Started(name, self.born))

    def serve(self, name: str) -> list[Action]:
        """The process comes to be and becomes ready."""
        return [*self.start(name), *self.tell(BecameReady(name))]

    def end(self, name: str, status: ExitStatus = KILLED) -> list[Action]:
        return self.tell(Exited(name, self.pids.pop(name), status))

    def wait(self, seconds: float) -> list[Action]:
        """Let time go by, with every deadline kept and every ping answered."""
        until = self.now + seconds
        actions: list[Action] = []
        while (deadline := self.supervision.deadline()) is not None and deadline <= until:
            self.now = max(self.now, deadline)
            for action in self.tell(Ticked()):
                if isinstance(action, Ping):
                    self.tell(Ponged(action.actor, action.number))
                else:
                    actions.append(action)
        self.now = until
        return actions

    def state(self, name: str) -> str:
        return self.supervision.children[name].state


def started(actions: Iterable[Action]) -> list[str]:
    return [action.spec.name for action in actions if isinstance(action, Start)]


def served(*specs: ChildSpec) -> World:
    """A world in which every one of the children serves."""
    world = World(*specs)
    world.begin()
    for spec in specs:
        world.serve(spec.name)
    assert world.supervision.is_settled
    return world


def test_a_child_is_started_once_all_that_it_depends_on_are_ready() -> None:
    world = World(actor("a"), actor("b"), actor("c", "a", "b"))
    assert started(world.begin()) == ["a", "b"]
    assert started(world.serve("a")) == []
    assert world.supervision.children["c"].reason == "waits for b"
    assert started(world.serve("b")) == ["c"]


def test_a_child_that_needs_no_word_is_ready_when_its_process_runs() -> None:
    world = World(ChildSpec(name="a", command=("sleep",), ready="started"), actor("b", "a"))
    world.begin()
    assert started(world.start("a")) == ["b"]


@pytest.mark.requirement("C-4")
def test_permanent_child_is_restarted_at_once_after_a_kill() -> None:
    world = served(actor("a"))
    assert started(world.end("a")) == ["a"]


def test_permanent_child_is_restarted_after_a_clean_exit() -> None:
    world = served(actor("a"))
    assert started(world.end("a", CLEAN)) == ["a"]


def test_transient_child_stays_down_after_clean_exit_and_counts_as_done() -> None:
    world = World(actor("a", restart="transient"), actor("b", "a"))
    world.begin()
    world.start("a")
    assert started(world.end("a", CLEAN)) == ["b"]
    assert world.state("a") == "stopped"


def test_transient_child_is_restarted_after_an_abnormal_exit() -> None:
    world = served(actor("a", restart="transient"))
    assert started(world.end("a", ExitStatus(code=1))) == ["a"]


def test_temporary_child_is_not_restarted_regardless_of_reason() -> None:
    for status in (CLEAN, ExitStatus(code=1), KILLED):
        world = served(actor("a", restart="temporary"))
        assert world.end("a", status) == []
        assert world.state("a") == "stopped"
        assert world.wait(1000) == []


def test_an_end_that_was_not_meant_to_be_is_recorded_and_one_that_was_is_not() -> None:
    world = served(actor("a"), actor("b", restart="transient"), actor("c"))
    world.now += 7.0
    world.end("a", ExitStatus(code=3))
    world.end("b", CLEAN)
    (record,) = world.records
    assert (record.actor, record.status, record.was, record.blame) == ("a", ExitStatus(code=3), "ready", "")
    assert (record.uptime_seconds, record.restarts, record.is_actor) == (7.0, 0, True)
    world.tell(RestartAsked("c"))
    world.end("c", KILLED)
    world.tell(StopAsked())
    assert world.records == [record]


def test_a_permanent_child_that_leaves_by_itself_is_recorded() -> None:
    world = served(actor("a"))
    world.end("a", CLEAN)
    assert [record.status for record in world.records] == [CLEAN]


def test_the_supervisor_records_why_it_ended_a_process_itself() -> None:
    world = served(actor("hangs"), actor("grows", memory_limit_mib=1), actor("babbles"))
    world.tell(MemoryMeasured("grows", 2.0))
    world.end("grows", CLEAN)
    world.tell(LifelineBroke("babbles", "a line of 2 MiB"))
    world.end("babbles", KILLED)
    while world.state("hangs") != "stopping":
        world.now = world.supervision.deadline() or world.now
        world.tell(Ticked())
    world.end("hangs", KILLED)
    slow = World(actor("slow"))
    slow.begin()
    slow.start("slow")
    slow.wait(30.0)
    slow.end("slow", KILLED)
    assert [record.blame for record in [*world.records, *slow.records]] == [
        "memory_limit",
        "lifeline",
        "hang",
        "start_timeout",
    ]
    assert "a line of 2 MiB (killed by SIGKILL)" in world.records[1].reason


def test_a_process_that_never_came_to_be_is_recorded_without_a_status() -> None:
    world = World(actor("a"))
    world.begin()
    world.tell(StartFailed("a", "no process can be made"))
    assert [(record.status, record.reason) for record in world.records] == [(None, "no process can be made")]


def test_delays_grow_from_crash_to_crash() -> None:
    world = served(actor("a", intensity=100))
    delays = []
    for _ in range(10):
        actions, before = world.end("a"), world.now
        while not started(actions):
            world.now = world.supervision.deadline() or 0
            actions = world.tell(Ticked())
        delays.append(world.now - before)
        world.serve("a")
    assert delays == [0, 0.25, 0.5, 1, 2, 4, 8, 16, 30, 30]


def crash_until_failed(world: World, name: str) -> int:
    crashes = 0
    while world.state(name) != "failed":
        assert crashes < 20
        if name not in world.pids:
            world.wait(5)
            world.serve(name)
        world.end(name, ExitStatus(code=1))
        crashes += 1
        if world.state(name) == "starting":
            world.serve(name)
    return crashes


def test_more_than_five_restarts_within_a_minute_open_the_circuit_and_the_rest_runs_on() -> None:
    world = served(actor("a"), actor("b"))
    assert crash_until_failed(world, "a") == 6
    assert world.state("b") == "ready"
    assert world.supervision.is_settled


def test_a_probe_follows_an_open_circuit_and_a_failed_probe_waits_longer() -> None:
    world = served(actor("a"))
    crash_until_failed(world, "a")
    assert started(world.wait(29.9)) == []
    assert started(world.wait(0.1)) == ["a"]
    world.serve("a")
    world.end("a")
    assert world.state("a") == "failed"
    assert started(world.wait(59.9)) == []
    assert started(world.wait(0.1)) == ["a"]


def test_a_minute_of_health_closes_the_circuit() -> None:
    world = served(actor("a"))
    crash_until_failed(world, "a")
    world.wait(30)
    world.serve("a")
    world.wait(60)
    assert not world.supervision.children["a"].circuit_open
    assert started(world.end("a")) == ["a"]


def test_those_who_wait_for_a_failed_child_are_started_when_its_probe_serves() -> None:
    world = World(actor("a"), actor("b", "a"), actor("c", "b"))
    world.begin()
    while world.state("a") != "failed":
        world.start("a")
        world.end("a")
        world.wait(4)
    assert world.supervision.is_settled
    assert world.supervision.children["b"].reason == "waits for a (failed)"
    world.wait(30)
    assert started(world.serve("a")) == ["b"]


def test_the_death_of_the_broker_restarts_the_broker_alone() -> None:
    world = served(ChildSpec(name="broker"), actor("a", "broker"), actor("b", "broker"))
    assert world.end("broker") == [Start(ChildSpec(name="broker"))]
    assert world.state("a") == world.state("b") == "ready"


def test_a_child_that_does_not_become_ready_is_killed_and_started_again() -> None:
    world = World(actor("a", start_timeout_seconds=10))
    world.begin()
    world.start("a")
    assert world.wait(10) == [Dump("a")]
    assert world.wait(0.25) == [Send("a", "kill")]
    assert started(world.end("a")) == ["a"]
    assert world.supervision.children["a"].reason == "not ready within 10 s (killed by SIGKILL)"


def test_a_child_whose_process_cannot_be_made_is_tried_again_and_then_failed() -> None:
    world = World(actor("a"))
    world.begin()
    for _ in range(6):
        world.tell(StartFailed("a", "no memory"))
        world.wait(5)
    assert world.state("a") == "failed"
    assert world.supervision.children["a"].reason == "no memory"


def test_a_loop_that_does_not_answer_pings_is_dumped_then_killed_then_started_again() -> None:
    world = served(actor("a", heartbeat_timeout_seconds=10), actor("b"))
    for _ in range(20):
        world.now = world.supervision.deadline() or 0
        actions = world.tell(Ticked())
        for action in actions:
            if isinstance(action, Ping) and action.actor == "b":
                world.tell(Ponged("b", action.number))
        if Dump("a") in actions:
            break
    assert world.now == 1012.0  # the ping went out after 2 seconds
    assert world.wait(0.25) == [Send("a", "kill")]
    assert started(world.end("a")) == ["a"]
    assert "hung: no answer to a ping for 10 s" in world.supervision.children["a"].reason
    assert world.state("b") == "ready"


def test_a_suspended_machine_is_not_taken_for_hung_children() -> None:
    world = served(actor("a", heartbeat_timeout_seconds=10))
    world.now += 2
    (ping,) = world.tell(Ticked())
    assert isinstance(ping, Ping)
    world.now += 3600
    assert not any(isinstance(action, Dump) for action in world.tell(Ticked()))
    world.tell(Ponged("a", ping.number))
    assert world.wait(30) == []


def test_a_late_pong_to_an_older_ping_than_the_newest_one_still_counts() -> None:
    world = served(actor("a", heartbeat_timeout_seconds=10), actor("b"))
    world.now += 2
    pings = {ping.actor: ping.number for ping in world.tell(Ticked()) if isinstance(ping, Ping)}
    world.tell(Ponged("b", pings["b"]))
    world.now += 2
    assert [ping.actor for ping in world.tell(Ticked()) if isinstance(ping, Ping)] == ["b"]
    world.tell(Ponged("a", pings["a"]))
    world.now += 2
    assert "a" in [ping.actor for ping in world.tell(Ticked()) if isinstance(ping, Ping)]


def test_memory_above_the_limit_brings_a_restart_in_good_order() -> None:
    world = served(actor("a", memory_limit_mib=100))
    assert world.tell(MemoryMeasured("a", 100.0)) == []
    assert world.tell(MemoryMeasured("a", 101.0)) == [Tell("a", returning=True)]
    assert started(world.end("a", CLEAN)) == ["a"]
    assert world.supervision.children["a"].reason == "101 MiB of memory, limit is 100 MiB (exit code 0)"


def test_a_restart_on_request_costs_nothing_of_the_budget() -> None:
    world = served(actor("a", intensity=1))
    for _ in range(10):
        assert world.tell(RestartAsked("a")) == [Tell("a", returning=True)]
        assert started(world.end("a", CLEAN)) == ["a"]
        world.serve("a")
    assert world.supervision.children["a"].restarts == 10


def test_a_restart_on_request_closes_an_open_circuit() -> None:
    world = served(actor("a"))
    crash_until_failed(world, "a")
    assert started(world.tell(RestartAsked("a"))) == ["a"]
    world.serve("a")
    assert started(world.end("a")) == ["a"]


def test_a_stop_asked_for_while_the_process_is_being_made_waits_for_the_process() -> None:
    world = World(actor("a"))
    world.begin()
    assert world.tell(StopAsked()) == []
    assert world.start("a") == [Tell("a", returning=False)]
    assert world.end("a", CLEAN) == [Leave()]


def test_nothing_is_due_by_pings_once_the_stop_began() -> None:
    world = served(actor("a"), actor("b", "a"))
    world.tell(StopAsked())
    world.wait(3)
    assert world.supervision.deadline() == 1005.0  # the harder word to b


def test_a_process_that_does_not_come_to_be_is_given_up() -> None:
    world = World(actor("a", start_timeout_seconds=10))
    world.begin()
    assert world.wait(10.25) == [Send("a", "kill")]
    assert started(world.tell(StartFailed("a", "gave up"))) == ["a"]


def test_a_stop_goes_in_reverse_order_and_waits_for_those_who_depend() -> None:
    world = served(actor("a"), actor("b", "a"), actor("c", "b"), actor("d", "a"))
    assert world.tell(StopAsked()) == [Tell("d", returning=False), Tell("c", returning=False)]
    assert world.end("d", CLEAN) == []
    assert world.end("c", CLEAN) == [Tell("b", returning=False)]
    assert world.end("b", CLEAN) == [Tell("a", returning=False)]
    assert world.end("a", CLEAN) == [Leave()]
    assert world.wait(1000) == []


def test_a_child_that_does_not_leave_hears_harder_words() -> None:
    world = served(actor("a", shutdown_timeout_seconds=5))
    assert world.tell(StopAsked()) == [Tell("a", returning=False)]
    assert world.wait(5) == [Send("a", "terminate")]
    assert world.wait(2) == [Send("a", "kill")]
    assert world.end("a") == [Leave()]


def test_a_command_hears_term_first_and_is_not_pinged() -> None:
    world = World(ChildSpec(name="a", command=("x",), ready="started", shutdown_timeout_seconds=3))
    world.begin()
    world.start("a")
    assert world.wait(100) == []
    assert world.tell(StopAsked()) == [Send("a", "terminate")]
    assert world.wait(3) == [Send("a", "kill")]


def test_a_child_in_backoff_is_not_started_once_the_stop_began() -> None:
    world = served(actor("a"))
    world.end("a")
    world.serve("a")
    world.end("a")
    assert world.state("a") == "backoff"
    assert world.tell(StopAsked()) == [Leave()]
    assert world.wait(100) == []


def test_a_profile_read_again_adds_changes_and_removes_children() -> None:
    world = served(actor("a"), actor("b"), actor("c", "b"))
    specs = (actor("a"), actor("c", intensity=9), actor("d"))
    actions = world.tell(SpecsChanged(specs))
    assert set(actions) == {Tell("c", returning=True), Tell("b", returning=False), Start(actor("d"))}
    assert world.end("b", CLEAN) == [Forget("b")]
    assert world.end("c", CLEAN) == [Start(actor("c", intensity=9))]
    assert world.state("a") == "ready"


def test_an_exit_of_an_earlier_process_is_not_taken_for_the_present_one() -> None:
    world = served(actor("a"))
    world.end("a")
    world.serve("a")
    assert world.tell(Exited("a", 1, KILLED)) == []
    assert world.state("a") == "ready"


SPECS = (
    actor("a"),
    actor("b", "a", heartbeat_timeout_seconds=4),
    actor("c", "b", restart="transient", shutdown_timeout_seconds=0),
    ChildSpec(name="d", command=("x",), ready="started", restart="temporary", depends_on=("a",)),
    ChildSpec(name="e", command=("x",), ready="hello", intensity=1, depends_on=("a", "d")),
)


class AnyLife(RuleBasedStateMachine):
    """Children that start, serve, crash, hang and ignore every word but KILL, in any order."""

    names = st.sampled_from([spec.name for spec in SPECS])

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.next_pid = 1
        self.supervision = Supervision(SPECS, self.now)
        self.ordered: set[str] = set()  # processes that were asked for and do not exist yet
        self.running: dict[str, int] = {}
        self.pings: dict[str, int] = {}
        self.ever_started: set[str] = set()
        self.left = False
        self.tell(Ticked())

    def tell(self, happening: Happening) -> None:
        for action in self.supervision.handle(happening, self.now, 0.5):
            assert not self.left, "nothing is ordered after the end"
            self.obey(action)

    def obey(self, action: Action) -> None:
        match action:
            case Start(spec):
                assert spec.name not in {*self.ordered, *self.running}, "two processes for one child"
                assert not self.supervision.is_leaving, "a start during the stop"
                if spec.name not in self.ever_started:
                    waits_for = [self.supervision.children[name] for name in spec.depends_on]
                    assert all(other.satisfies_dependents for other in waits_for), (
                        "first start before a dependency was ready"
                    )
                self.ever_started.add(spec.name)
                self.ordered.add(spec.name)
            case Send(name, "kill"):
                assert name in self.running or name in self.ordered
            case Tell(name) | Dump(name) | Send(name):
                assert name in self.running, "a word to a process that does not exist"
            case Ping(name, number):
                assert name in self.running
                self.pings[name] = number
            case Leave():
                assert not self.running
                assert not self.ordered
                self.left = True
            case Announce() | Forget():
                pass

    @rule(name=names, well=st.booleans())
    def make_process(self, name: str, well: bool) -> None:
        if name in self.ordered:
            self.ordered.remove(name)
            if well:
                self.running[name] = self.next_pid
                self.next_pid += 1
                self.tell(Started(name, self.running[name]))
            else:
                self.tell(StartFailed(name, "no more processes"))

    @rule(name=names)
    def serve(self, name: str) -> None:
        if name in self.running:
            self.tell(BecameReady(name))

    @rule(name=names, code=st.sampled_from([0, 1]))
    def end(self, name: str, code: int) -> None:
        if name in self.running:
            self.tell(Exited(name, self.running.pop(name), ExitStatus(code=code)))

    @rule(name=names)
    def answer(self, name: str) -> None:
        if name in self.running and name in self.pings:
            self.tell(Ponged(name, self.pings[name]))

    @rule(name=names)
    def ask_restart(self, name: str) -> None:
        self.tell(RestartAsked(name))

    @rule()
    def wait_for_deadline(self) -> None:
        deadline = self.supervision.deadline()
        if deadline is not None:
            self.now = max(self.now, deadline)
            for _ in range(len(SPECS) * 4):
                self.tell(Ticked())
                later = self.supervision.deadline()
                if later is None or later > self.now:
                    return
            raise AssertionError("time does not go on: the same deadline comes again and again")

    @rule(seconds=st.floats(0, 100))
    def oversleep(self, seconds: float) -> None:
        self.now += seconds
        self.tell(Ticked())

    @rule(intensity=st.integers(0, 3), without_e=st.booleans())
    @precondition(lambda self: not self.supervision.is_leaving)
    def read_profile_again(self, intensity: int, without_e: bool) -> None:
        changed = [replace(spec, intensity=intensity) if spec.name == "b" else spec for spec in SPECS]
        self.tell(SpecsChanged(tuple(changed[:-1] if without_e else changed)))

    @rule()
    @precondition(lambda self: not self.supervision.is_leaving)
    def stop(self) -> None:
        self.tell(StopAsked())

    @invariant()
    def the_books_are_right(self) -> None:
        for child in self.supervision:
            assert child.has_process == (child.name in self.running or child.name in self.ordered)
            assert child.has_process == (child.state in ("starting", "ready", "stopping"))
            if child.state in ("backoff", "failed"):
                assert child.due_at is not None, "nothing would ever start it again"

    def teardown(self) -> None:
        """A stop comes to its end, though no child listens to anything but KILL."""
        if not self.supervision.is_leaving:
            self.tell(StopAsked())
        for _ in range(200):
            if self.left:
                break
            for name in list(self.ordered):
                self.make_process(name, True)
            for child in list(self.supervision):
                if child.word == "kill" and child.name in self.running:
                    self.tell(Exited(child.name, self.running.pop(child.name), KILLED))
            self.wait_for_deadline()
        assert self.left, "the stop did not come to its end"
        assert {child.state for child in self.supervision} == {"stopped"}


AnyLife.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestAnyLife = AnyLife.TestCase
