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
    BecameReady,
    DumpStacks,
    Effect,
    Exited,
    ExitStatus,
    Finish,
    Input,
    LifelineBroke,
    MemoryMeasured,
    Ponged,
    PublishRemoval,
    PublishStatus,
    RecordCrash,
    RestartRequested,
    SendPing,
    SendSignal,
    SendStop,
    SpecsChanged,
    Started,
    StartFailed,
    StartProcess,
    StopRequested,
    Ticked,
)
from actors.runtime.supervisor.core.supervision_policy import SupervisionPolicy

CLEAN = ExitStatus(code=0)
KILLED = ExitStatus(signal=9)


def actor(name: str, *depends_on: str, **options: Any) -> ChildSpec:
    return ChildSpec(name=name, entry="m:b", depends_on=depends_on, **options)


class Simulation:
    """A supervision with processes that only exist on paper."""

    def __init__(self, *specs: ChildSpec) -> None:
        self.now = 1000.0
        self.supervision = SupervisionPolicy(specs, self.now)
        self.pids: dict[str, int] = {}
        self.log: list[Effect] = []
        self.records: list[RecordCrash] = []
        self.born = 0

    def feed(self, event: Input) -> list[Effect]:
        found = self.supervision.handle(event, self.now)
        self.records += [effect for effect in found if isinstance(effect, RecordCrash)]
        effects: list[Effect] = [
            effect for effect in found if not isinstance(effect, PublishStatus | RecordCrash)
        ]
        self.log += effects
        return effects

    def begin(self) -> list[Effect]:
        return self.feed(Ticked())

    def start(self, name: str) -> list[Effect]:
        self.born += 1
        self.pids[name] = self.born
        return self.feed(Started(name, self.born))

    def serve(self, name: str) -> list[Effect]:
        """The process comes to be and becomes ready."""
        return [*self.start(name), *self.feed(BecameReady(name))]

    def end(self, name: str, status: ExitStatus = KILLED) -> list[Effect]:
        return self.feed(Exited(name, self.pids.pop(name), status))

    def wait(self, seconds: float) -> list[Effect]:
        """Let time go by, with every deadline kept and every ping answered."""
        until = self.now + seconds
        effects: list[Effect] = []
        while (deadline := self.supervision.deadline()) is not None and deadline <= until:
            self.now = max(self.now, deadline)
            for effect in self.feed(Ticked()):
                if isinstance(effect, SendPing):
                    self.feed(Ponged(effect.actor, effect.number))
                else:
                    effects.append(effect)
        self.now = until
        return effects

    def state(self, name: str) -> str:
        return self.supervision.children[name].state


def started(effects: Iterable[Effect]) -> list[str]:
    return [effect.spec.name for effect in effects if isinstance(effect, StartProcess)]


def served(*specs: ChildSpec) -> Simulation:
    """A run in which every one of the children serves."""
    run = Simulation(*specs)
    run.begin()
    for spec in specs:
        run.serve(spec.name)
    assert run.supervision.is_settled
    return run


def test_a_child_is_started_once_all_that_it_depends_on_are_ready() -> None:
    run = Simulation(actor("a"), actor("b"), actor("c", "a", "b"))
    assert started(run.begin()) == ["a", "b"]
    assert started(run.serve("a")) == []
    assert run.supervision.children["c"].reason == "waits for b"
    assert started(run.serve("b")) == ["c"]


@pytest.mark.requirement("C-4")
def test_a_broker_that_serves_before_its_process_is_reported_lets_the_others_start() -> None:
    run = Simulation(ChildSpec(name="broker"), actor("a", "broker"))
    run.begin()
    assert run.feed(BecameReady("broker")) == []
    assert started(run.start("broker")) == ["a"]


def test_a_child_that_needs_no_word_is_ready_when_its_process_runs() -> None:
    run = Simulation(ChildSpec(name="a", command=("sleep",), ready="started"), actor("b", "a"))
    run.begin()
    assert started(run.start("a")) == ["b"]


@pytest.mark.requirement("C-4")
def test_permanent_child_is_restarted_at_once_after_a_kill() -> None:
    run = served(actor("a"))
    assert started(run.end("a")) == ["a"]


def test_permanent_child_is_restarted_after_a_clean_exit() -> None:
    run = served(actor("a"))
    assert started(run.end("a", CLEAN)) == ["a"]


def test_transient_child_stays_down_after_clean_exit_and_counts_as_done() -> None:
    run = Simulation(actor("a", restart="transient"), actor("b", "a"))
    run.begin()
    run.start("a")
    assert started(run.end("a", CLEAN)) == ["b"]
    assert run.state("a") == "stopped"


def test_transient_child_is_restarted_after_an_abnormal_exit() -> None:
    run = served(actor("a", restart="transient"))
    assert started(run.end("a", ExitStatus(code=1))) == ["a"]


def test_temporary_child_is_not_restarted_regardless_of_reason() -> None:
    for status in (CLEAN, ExitStatus(code=1), KILLED):
        run = served(actor("a", restart="temporary"))
        assert run.end("a", status) == []
        assert run.state("a") == "stopped"
        assert run.wait(1000) == []


def test_an_end_that_was_not_meant_to_be_is_recorded_and_one_that_was_is_not() -> None:
    run = served(actor("a"), actor("b", restart="transient"), actor("c"))
    run.now += 7.0
    run.end("a", ExitStatus(code=3))
    run.end("b", CLEAN)
    (record,) = run.records
    assert (record.actor, record.status, record.was, record.kill_reason) == (
        "a",
        ExitStatus(code=3),
        "ready",
        "",
    )
    assert (record.uptime_seconds, record.restarts, record.is_actor) == (7.0, 0, True)
    run.feed(RestartRequested("c"))
    run.end("c", KILLED)
    run.feed(StopRequested())
    assert run.records == [record]


def test_a_permanent_child_that_leaves_by_itself_is_recorded() -> None:
    run = served(actor("a"))
    run.end("a", CLEAN)
    assert [record.status for record in run.records] == [CLEAN]


def test_the_supervisor_records_why_it_ended_a_process_itself() -> None:
    run = served(actor("hangs"), actor("grows", memory_limit_mib=1), actor("babbles"))
    run.feed(MemoryMeasured("grows", 2.0))
    run.end("grows", CLEAN)
    run.feed(LifelineBroke("babbles", "a line of 2 MiB"))
    run.end("babbles", KILLED)
    while run.state("hangs") != "stopping":
        run.now = run.supervision.deadline() or run.now
        run.feed(Ticked())
    run.end("hangs", KILLED)
    slow = Simulation(actor("slow"))
    slow.begin()
    slow.start("slow")
    slow.wait(30.0)
    slow.end("slow", KILLED)
    assert [record.kill_reason for record in [*run.records, *slow.records]] == [
        "memory_limit",
        "lifeline",
        "hang",
        "start_timeout",
    ]
    assert "a line of 2 MiB (killed by SIGKILL)" in run.records[1].reason


def test_a_process_that_never_came_to_be_is_recorded_without_a_status() -> None:
    run = Simulation(actor("a"))
    run.begin()
    run.feed(StartFailed("a", "no process can be made"))
    assert [(record.status, record.reason) for record in run.records] == [(None, "no process can be made")]


def test_delays_grow_from_crash_to_crash() -> None:
    run = served(actor("a", intensity=100))
    delays = []
    for _ in range(10):
        effects, before = run.end("a"), run.now
        while not started(effects):
            run.now = run.supervision.deadline() or 0
            effects = run.feed(Ticked())
        delays.append(run.now - before)
        run.serve("a")
    assert delays == [0, 0.25, 0.5, 1, 2, 4, 8, 16, 30, 30]


def crash_until_failed(run: Simulation, name: str) -> int:
    crashes = 0
    while run.state(name) != "failed":
        assert crashes < 20
        if name not in run.pids:
            run.wait(5)
            run.serve(name)
        run.end(name, ExitStatus(code=1))
        crashes += 1
        if run.state(name) == "starting":
            run.serve(name)
    return crashes


def test_more_than_five_restarts_within_a_minute_open_the_circuit_and_the_rest_runs_on() -> None:
    run = served(actor("a"), actor("b"))
    assert crash_until_failed(run, "a") == 6
    assert run.state("b") == "ready"
    assert run.supervision.is_settled


def test_a_probe_follows_an_open_circuit_and_a_failed_probe_waits_longer() -> None:
    run = served(actor("a"))
    crash_until_failed(run, "a")
    assert started(run.wait(29.9)) == []
    assert started(run.wait(0.1)) == ["a"]
    run.serve("a")
    run.end("a")
    assert run.state("a") == "failed"
    assert started(run.wait(59.9)) == []
    assert started(run.wait(0.1)) == ["a"]


def test_a_minute_of_health_closes_the_circuit() -> None:
    run = served(actor("a"))
    crash_until_failed(run, "a")
    run.wait(30)
    run.serve("a")
    run.wait(60)
    assert not run.supervision.children["a"].circuit_open
    assert started(run.end("a")) == ["a"]


def test_those_who_wait_for_a_failed_child_are_started_when_its_probe_serves() -> None:
    run = Simulation(actor("a"), actor("b", "a"), actor("c", "b"))
    run.begin()
    while run.state("a") != "failed":
        run.start("a")
        run.end("a")
        run.wait(4)
    assert run.supervision.is_settled
    assert run.supervision.children["b"].reason == "waits for a (failed)"
    run.wait(30)
    assert started(run.serve("a")) == ["b"]


def test_the_death_of_the_broker_restarts_the_broker_alone() -> None:
    run = served(ChildSpec(name="broker"), actor("a", "broker"), actor("b", "broker"))
    assert run.end("broker") == [StartProcess(ChildSpec(name="broker"))]
    assert run.state("a") == run.state("b") == "ready"


def test_a_child_that_does_not_become_ready_is_killed_and_started_again() -> None:
    run = Simulation(actor("a", start_timeout_seconds=10))
    run.begin()
    run.start("a")
    assert run.wait(10) == [DumpStacks("a")]
    assert run.wait(0.25) == [SendSignal("a", "kill")]
    assert started(run.end("a")) == ["a"]
    assert run.supervision.children["a"].reason == "not ready within 10 s (killed by SIGKILL)"


def test_a_child_whose_process_cannot_be_made_is_tried_again_and_then_failed() -> None:
    run = Simulation(actor("a"))
    run.begin()
    for _ in range(6):
        run.feed(StartFailed("a", "no memory"))
        run.wait(5)
    assert run.state("a") == "failed"
    assert run.supervision.children["a"].reason == "no memory"


def test_a_loop_that_does_not_answer_pings_is_dumped_then_killed_then_started_again() -> None:
    run = served(actor("a", heartbeat_timeout_seconds=10), actor("b"))
    for _ in range(20):
        run.now = run.supervision.deadline() or 0
        effects = run.feed(Ticked())
        for effect in effects:
            if isinstance(effect, SendPing) and effect.actor == "b":
                run.feed(Ponged("b", effect.number))
        if DumpStacks("a") in effects:
            break
    assert run.now == 1012.0  # the ping went out after 2 seconds
    assert run.wait(0.25) == [SendSignal("a", "kill")]
    assert started(run.end("a")) == ["a"]
    assert "hung: no answer to a ping for 10 s" in run.supervision.children["a"].reason
    assert run.state("b") == "ready"


TRAY = ChildSpec(
    name="tray", command=("x",), ready="hello", depends_on=("broker",), heartbeat_timeout_seconds=5
)


def wait_for_silent_tray(run: Simulation, seconds: float, *, broker_answers: bool = True) -> list[Effect]:
    """Let time go by, with every deadline kept; the tray answers no ping."""
    until, effects = run.now + seconds, list[Effect]()
    while (deadline := run.supervision.deadline()) is not None and deadline <= until:
        run.now = max(run.now, deadline)
        found = run.feed(Ticked())
        effects += found
        for ping in found:
            if isinstance(ping, SendPing) and ping.actor == "broker" and broker_answers:
                run.feed(Ponged("broker", ping.number))
    run.now = until
    return effects


def test_a_program_that_asks_for_it_is_pinged_and_killed_at_once_if_it_hangs() -> None:
    run = served(ChildSpec(name="broker"), TRAY)
    effects = wait_for_silent_tray(run, 7.5)
    assert {ping.actor for ping in effects if isinstance(ping, SendPing)} == {"broker", "tray"}
    assert [one for one in effects if isinstance(one, SendSignal)] == [SendSignal("tray", "kill")]
    assert "hung: no answer to a ping for 5 s" in run.supervision.children["tray"].reason


def test_a_program_that_does_not_ask_for_it_is_not_pinged() -> None:
    run = served(ChildSpec(name="broker"), replace(TRAY, heartbeat_timeout_seconds=None))
    pinged = {ping.actor for ping in wait_for_silent_tray(run, 60) if isinstance(ping, SendPing)}
    assert pinged == {"broker"}


def test_a_program_is_not_blamed_for_a_broker_that_is_silent_itself() -> None:
    run = served(ChildSpec(name="broker", heartbeat_timeout_seconds=60), TRAY)
    effects = wait_for_silent_tray(run, 30, broker_answers=False)
    assert not any(isinstance(effect, SendSignal) for effect in effects)
    assert [ping.actor for ping in effects if isinstance(ping, SendPing)].count("tray") > 2, "asked anew"


def test_a_program_is_not_blamed_for_a_broker_that_was_away() -> None:
    run = served(ChildSpec(name="broker"), TRAY)
    wait_for_silent_tray(run, 3)
    run.end("broker")
    run.serve("broker")
    effects = wait_for_silent_tray(run, 5)
    assert not any(isinstance(effect, SendSignal) for effect in effects)
    assert SendSignal("tray", "kill") in wait_for_silent_tray(run, 8), "but it is asked anew"


def test_a_suspended_machine_is_not_taken_for_hung_children() -> None:
    run = served(actor("a", heartbeat_timeout_seconds=10))
    run.now += 2
    (ping,) = run.feed(Ticked())
    assert isinstance(ping, SendPing)
    run.now += 3600
    assert not any(isinstance(effect, DumpStacks) for effect in run.feed(Ticked()))
    run.feed(Ponged("a", ping.number))
    assert run.wait(30) == []


def test_a_late_pong_to_an_older_ping_than_the_newest_one_still_counts() -> None:
    run = served(actor("a", heartbeat_timeout_seconds=10), actor("b"))
    run.now += 2
    pings = {ping.actor: ping.number for ping in run.feed(Ticked()) if isinstance(ping, SendPing)}
    run.feed(Ponged("b", pings["b"]))
    run.now += 2
    assert [ping.actor for ping in run.feed(Ticked()) if isinstance(ping, SendPing)] == ["b"]
    run.feed(Ponged("a", pings["a"]))
    run.now += 2
    assert "a" in [ping.actor for ping in run.feed(Ticked()) if isinstance(ping, SendPing)]


def test_memory_above_the_limit_brings_a_restart_in_good_order() -> None:
    run = served(actor("a", memory_limit_mib=100))
    assert run.feed(MemoryMeasured("a", 100.0)) == []
    assert run.feed(MemoryMeasured("a", 101.0)) == [SendStop("a", returning=True)]
    assert started(run.end("a", CLEAN)) == ["a"]
    assert run.supervision.children["a"].reason == "101 MiB of memory, limit is 100 MiB (exit code 0)"


def test_a_restart_on_request_costs_nothing_of_the_budget() -> None:
    run = served(actor("a", intensity=1))
    for _ in range(10):
        assert run.feed(RestartRequested("a")) == [SendStop("a", returning=True)]
        assert started(run.end("a", CLEAN)) == ["a"]
        run.serve("a")
    assert run.supervision.children["a"].restarts == 10


def test_a_restart_on_request_closes_an_open_circuit() -> None:
    run = served(actor("a"))
    crash_until_failed(run, "a")
    assert started(run.feed(RestartRequested("a"))) == ["a"]
    run.serve("a")
    assert started(run.end("a")) == ["a"]


def test_a_stop_asked_for_while_the_process_is_being_made_waits_for_the_process() -> None:
    run = Simulation(actor("a"))
    run.begin()
    assert run.feed(StopRequested()) == []
    assert run.start("a") == [SendStop("a", returning=False)]
    assert run.end("a", CLEAN) == [Finish()]


def test_nothing_is_due_by_pings_once_the_stop_began() -> None:
    run = served(actor("a"), actor("b", "a"))
    run.feed(StopRequested())
    run.wait(3)
    assert run.supervision.deadline() == 1005.0  # the harder word to b


def test_a_process_that_does_not_come_to_be_is_given_up() -> None:
    run = Simulation(actor("a", start_timeout_seconds=10))
    run.begin()
    assert run.wait(30.25) == [SendSignal("a", "kill")]
    assert started(run.feed(StartFailed("a", "gave up"))) == ["a"]


def test_a_process_that_is_not_ended_by_a_kill_is_killed_again_and_a_stop_does_not_wait_for_ever() -> None:
    run = served(actor("a"))
    run.feed(RestartRequested("a"))
    killed = SendSignal("a", "kill")
    assert run.wait(17) == [SendSignal("a", "terminate"), killed, killed, killed]
    run.feed(StopRequested())
    assert run.wait(5) == [killed, Finish()]
    assert run.supervision.children["a"].reason == "the kernel does not end its process"


def test_a_supervisor_that_was_late_gives_a_child_that_stops_the_missed_time_back() -> None:
    run = served(actor("a", shutdown_timeout_seconds=5))
    run.feed(StopRequested())
    run.now += 60
    assert run.feed(Ticked()) == []
    assert run.wait(1) == [SendSignal("a", "terminate")]


def test_a_supervisor_that_was_late_takes_nobody_for_hung_whose_answer_waits_to_be_read() -> None:
    run = served(actor("a", heartbeat_timeout_seconds=4))
    run.now += 2
    assert run.feed(Ticked()) == [SendPing("a", 1)]
    run.now += 60
    assert run.feed(Ticked()) == []
    assert run.feed(Ponged("a", 1)) == []
    assert run.wait(100) == []


def test_a_stop_goes_in_reverse_order_and_waits_for_those_who_depend() -> None:
    run = served(actor("a"), actor("b", "a"), actor("c", "b"), actor("d", "a"))
    assert run.feed(StopRequested()) == [SendStop("d", returning=False), SendStop("c", returning=False)]
    assert run.end("d", CLEAN) == []
    assert run.end("c", CLEAN) == [SendStop("b", returning=False)]
    assert run.end("b", CLEAN) == [SendStop("a", returning=False)]
    assert run.end("a", CLEAN) == [Finish()]
    assert run.wait(1000) == []


def test_a_child_that_does_not_leave_hears_harder_words() -> None:
    run = served(actor("a", shutdown_timeout_seconds=5))
    assert run.feed(StopRequested()) == [SendStop("a", returning=False)]
    assert run.wait(5) == [SendSignal("a", "terminate")]
    assert run.wait(2) == [SendSignal("a", "kill")]
    assert run.end("a") == [Finish()]


def test_a_command_hears_term_first_and_is_not_pinged() -> None:
    run = Simulation(ChildSpec(name="a", command=("x",), ready="started", shutdown_timeout_seconds=3))
    run.begin()
    run.start("a")
    assert run.wait(100) == []
    assert run.feed(StopRequested()) == [SendSignal("a", "terminate")]
    assert run.wait(3) == [SendSignal("a", "kill")]


def test_a_child_in_backoff_is_not_started_once_the_stop_began() -> None:
    run = served(actor("a"))
    run.end("a")
    run.serve("a")
    run.end("a")
    assert run.state("a") == "backoff"
    assert run.feed(StopRequested()) == [Finish()]
    assert run.wait(100) == []


def test_a_profile_read_again_adds_changes_and_removes_children() -> None:
    run = served(actor("a"), actor("b"), actor("c", "b"))
    specs = (actor("a"), actor("c", intensity=9), actor("d"))
    effects = run.feed(SpecsChanged(specs))
    assert set(effects) == {
        SendStop("c", returning=True),
        SendStop("b", returning=False),
        StartProcess(actor("d")),
    }
    assert run.end("b", CLEAN) == [PublishRemoval("b")]
    assert run.end("c", CLEAN) == [StartProcess(actor("c", intensity=9))]
    assert run.state("a") == "ready"


def test_an_exit_of_an_earlier_process_is_not_taken_for_the_present_one() -> None:
    run = served(actor("a"))
    run.end("a")
    run.serve("a")
    assert run.feed(Exited("a", 1, KILLED)) == []
    assert run.state("a") == "ready"


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
        self.supervision = SupervisionPolicy(SPECS, self.now)
        self.ordered: set[str] = set()  # processes that were asked for and do not exist yet
        self.running: dict[str, int] = {}
        self.pings: dict[str, int] = {}
        self.ever_started: set[str] = set()
        self.left = False
        self.feed(Ticked())

    def feed(self, event: Input) -> None:
        for effect in self.supervision.handle(event, self.now, 0.5):
            assert not self.left, "nothing is ordered after the end"
            self.obey(effect)

    def obey(self, effect: Effect) -> None:
        match effect:
            case StartProcess(spec):
                assert spec.name not in {*self.ordered, *self.running}, "two processes for one child"
                assert not self.supervision.is_leaving, "a start during the stop"
                if spec.name not in self.ever_started:
                    waits_for = [self.supervision.children[name] for name in spec.depends_on]
                    assert all(other.satisfies_dependents for other in waits_for), (
                        "first start before a dependency was ready"
                    )
                self.ever_started.add(spec.name)
                self.ordered.add(spec.name)
            case SendSignal(name, "kill"):
                assert name in self.running or name in self.ordered
            case SendStop(name) | DumpStacks(name) | SendSignal(name):
                assert name in self.running, "a word to a process that does not exist"
            case SendPing(name, number):
                assert name in self.running
                self.pings[name] = number
            case Finish():
                beyond_reach = {child.name for child in self.supervision if child.kills > 3}
                assert {*self.running, *self.ordered} <= beyond_reach
                self.left = True
            case PublishStatus() | PublishRemoval():
                pass

    @rule(name=names, well=st.booleans())
    def make_process(self, name: str, well: bool) -> None:
        if name in self.ordered:
            self.ordered.remove(name)
            if well:
                self.running[name] = self.next_pid
                self.next_pid += 1
                self.feed(Started(name, self.running[name]))
            else:
                self.feed(StartFailed(name, "no more processes"))

    @rule(name=names)
    def serve(self, name: str) -> None:
        if name in self.running or name in self.ordered:  # its report may overtake that of the process
            self.feed(BecameReady(name))

    @rule(name=names, code=st.sampled_from([0, 1]))
    def end(self, name: str, code: int) -> None:
        if name in self.running:
            self.feed(Exited(name, self.running.pop(name), ExitStatus(code=code)))

    @rule(name=names)
    def answer(self, name: str) -> None:
        if name in self.running and name in self.pings:
            self.feed(Ponged(name, self.pings[name]))

    @rule(name=names)
    def ask_restart(self, name: str) -> None:
        self.feed(RestartRequested(name))

    @rule()
    def wait_for_deadline(self) -> None:
        deadline = self.supervision.deadline()
        if deadline is not None:
            self.now = max(self.now, deadline)
            for _ in range(len(SPECS) * 4):
                self.feed(Ticked())
                later = self.supervision.deadline()
                if later is None or later > self.now:
                    return
            raise AssertionError("time does not go on: the same deadline comes again and again")

    @rule(seconds=st.floats(0, 100))
    def oversleep(self, seconds: float) -> None:
        self.now += seconds
        self.feed(Ticked())

    @rule(intensity=st.integers(0, 3), without_e=st.booleans())
    @precondition(lambda self: not self.supervision.is_leaving)
    def read_profile_again(self, intensity: int, without_e: bool) -> None:
        changed = [replace(spec, intensity=intensity) if spec.name == "b" else spec for spec in SPECS]
        self.feed(SpecsChanged(tuple(changed[:-1] if without_e else changed)))

    @rule()
    @precondition(lambda self: not self.supervision.is_leaving)
    def stop(self) -> None:
        self.feed(StopRequested())

    @invariant()
    def the_books_are_right(self) -> None:
        for child in self.supervision:
            if not self.left:
                assert child.has_process == (child.name in self.running or child.name in self.ordered)
            assert child.has_process == (child.state in ("starting", "ready", "stopping"))
            if child.state in ("backoff", "failed"):
                assert child.due_at is not None, "nothing would ever start it again"

    def teardown(self) -> None:
        """A stop comes to its end, though no child listens to anything but KILL."""
        if not self.supervision.is_leaving:
            self.feed(StopRequested())
        for _ in range(200):
            if self.left:
                break
            for name in list(self.ordered):
                self.make_process(name, True)
            for child in list(self.supervision):
                if child.stop_step == "kill" and child.name in self.running:
                    self.feed(Exited(child.name, self.running.pop(child.name), KILLED))
            self.wait_for_deadline()
        assert self.left, "the stop did not come to its end"
        assert {child.state for child in self.supervision} == {"stopped"}


AnyLife.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestAnyLife = AnyLife.TestCase
