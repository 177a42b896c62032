"""One child: how it starts, becomes ready, is asked harder and harder to end, crashes and restarts."""

from __future__ import annotations

from typing import Any

import pytest

from actors.runtime.supervisor.core import child_lifecycle
from actors.runtime.supervisor.core.child_lifecycle import (
    CREATION_SECONDS,
    DUMP_GRACE_SECONDS,
    KILL_AGAIN_SECONDS,
    MEMORY_GRACE_SECONDS,
    TERMINATE_GRACE_SECONDS,
)
from actors.runtime.supervisor.core.child_spec import ChildSpec
from actors.runtime.supervisor.core.child_state import ChildState
from actors.runtime.supervisor.core.restart_budget import HEALTHY_SECONDS
from actors.runtime.supervisor.core.supervision_events import (
    DumpStacks,
    Effect,
    ExitStatus,
    PublishRemoval,
    PublishStatus,
    RecordCrash,
    SendSignal,
    SendStop,
    StartProcess,
)

NOW = 1000.0
KILLED = ExitStatus(signal=9)
CLEAN = ExitStatus(code=0)


def waiting(**options: Any) -> ChildState:
    return ChildState(ChildSpec(name="a", entry="m:b", **options), since=NOW)


def ready(**options: Any) -> ChildState:
    child = waiting(**options)
    child_lifecycle.start(child, "", NOW)
    child_lifecycle.started(child, 7, NOW, is_leaving=False)
    child_lifecycle.became_ready(child, NOW)
    return child


def ended(child: ChildState, status: ExitStatus | None, *, is_leaving: bool = False) -> list[Effect]:
    return child_lifecycle.ended(child, str(status), status, NOW, 0.0, is_leaving=is_leaving)


def test_a_start_is_published_and_ordered_and_has_a_deadline() -> None:
    child = waiting(start_timeout_seconds=5)
    assert child_lifecycle.start(child, "why", NOW) == [PublishStatus("a"), StartProcess(child.spec)]
    assert (child.state, child.reason, child.starts) == ("starting", "why", 1)
    assert child.due_at == NOW + CREATION_SECONDS


def test_the_time_of_a_child_to_become_ready_counts_from_when_its_process_exists() -> None:
    child = waiting(start_timeout_seconds=5)
    child_lifecycle.start(child, "", NOW)
    child_lifecycle.started(child, 7, NOW + 20, is_leaving=False)
    assert child.due_at == NOW + 25


def test_a_stop_waits_for_a_process_that_is_being_created_however_little_time_the_child_has() -> None:
    child = waiting(shutdown_timeout_seconds=0)
    child_lifecycle.start(child, "", NOW)
    assert child_lifecycle.stop(child, "restart", "", NOW, is_leaving=False) == [PublishStatus("a")]
    assert child.due_at == NOW + CREATION_SECONDS
    assert child_lifecycle.started(child, 7, NOW + 1, is_leaving=False) == [SendStop("a", returning=True)]
    assert child.due_at == NOW + 1


def test_readiness_that_nobody_waits_for_changes_nothing() -> None:
    child = waiting()
    assert child_lifecycle.became_ready(child, NOW) == []
    assert child_lifecycle.started(child, 7, NOW, is_leaving=False) == []
    assert child.state == "waiting"


def test_a_child_that_serves_before_its_process_is_reported_is_ready_once_it_is() -> None:
    child = waiting()
    child_lifecycle.start(child, "", NOW)
    assert child_lifecycle.became_ready(child, NOW) == []
    assert child.state == "starting"
    assert child_lifecycle.started(child, 7, NOW, is_leaving=False) == [PublishStatus("a")]
    assert child.state == "ready"


def test_readiness_of_an_earlier_process_does_not_count_for_the_next_one() -> None:
    child = waiting()
    child_lifecycle.start(child, "", NOW)
    child_lifecycle.became_ready(child, NOW)
    ended(child, None)
    assert child.state == "starting"
    assert child_lifecycle.started(child, 8, NOW, is_leaving=False) == []


def test_a_greeting_before_the_process_is_reported_makes_it_ready_once_it_is() -> None:
    child = waiting(ready="hello")
    child_lifecycle.start(child, "", NOW)
    child_lifecycle.became_ready(child, NOW)
    assert child_lifecycle.started(child, 7, NOW, is_leaving=False) == [PublishStatus("a")]
    assert child.state == "ready"


def test_a_lifeline_that_breaks_ends_the_process_at_once() -> None:
    child = ready()
    effects = child_lifecycle.lifeline_broke(child, "nonsense", NOW)
    assert effects == [PublishStatus("a"), SendSignal("a", "kill")]
    record, *rest = ended(child, KILLED)
    assert isinstance(record, RecordCrash)
    assert (record.kill_reason, record.reason) == (
        "lifeline",
        "its lifeline broke: nonsense (killed by SIGKILL)",
    )
    assert rest == [PublishStatus("a"), StartProcess(child.spec)]


def test_a_lifeline_that_breaks_before_the_process_is_reported_ends_it_once_it_is() -> None:
    child = waiting()
    child_lifecycle.start(child, "", NOW)
    assert child_lifecycle.lifeline_broke(child, "nonsense", NOW) == [PublishStatus("a")]
    assert child.due_at == NOW + CREATION_SECONDS
    assert child_lifecycle.became_ready(child, NOW) == []
    assert child_lifecycle.started(child, 7, NOW, is_leaving=False) == [SendSignal("a", "kill")]


def test_a_lifeline_that_breaks_during_a_stop_changes_nothing_of_what_follows() -> None:
    child = ready()
    child_lifecycle.stop(child, "stay", "enough", NOW, is_leaving=False)
    assert child_lifecycle.lifeline_broke(child, "nonsense", NOW) == [SendSignal("a", "kill")]
    assert ended(child, KILLED) == [PublishStatus("a")]
    assert child.state == "stopped"


@pytest.mark.parametrize("restart", ["permanent", "transient", "temporary"])
def test_a_program_that_is_missing_is_a_failure_at_once(restart: Any) -> None:
    child = waiting(restart=restart)
    child_lifecycle.start(child, "", NOW)
    _, *rest = child_lifecycle.ended(child, "no such file", None, NOW, 0.0, is_leaving=False, cannot_run=True)
    assert rest == [PublishStatus("a")]
    assert (child.state, child.reason) == ("failed", "no such file")
    assert (child.due_at is None) == (restart == "temporary")
    assert child_lifecycle.restart(child, NOW, is_leaving=False)[-1] == StartProcess(child.spec)


def test_a_child_that_had_failed_proves_its_health_before_that_is_forgotten() -> None:
    child = ready()
    ended(child, KILLED)
    child_lifecycle.started(child, 8, NOW, is_leaving=False)
    child_lifecycle.became_ready(child, NOW)
    assert (child.state, child.failures, child.due_at) == ("ready", 1, NOW + HEALTHY_SECONDS)


def test_a_stop_is_a_message_then_term_then_kill() -> None:
    child = ready(shutdown_timeout_seconds=3)
    effects = child_lifecycle.stop(child, "stay", "enough", NOW, is_leaving=False)
    assert effects == [PublishStatus("a"), SendStop("a", returning=False)]
    assert child.due_at == NOW + 3
    assert child_lifecycle.next_stop_step(child, NOW, is_leaving=False) == [SendSignal("a", "terminate")]
    assert child.due_at == NOW + TERMINATE_GRACE_SECONDS
    assert child_lifecycle.next_stop_step(child, NOW, is_leaving=False) == [SendSignal("a", "kill")]
    assert child.due_at == NOW + KILL_AGAIN_SECONDS
    assert child_lifecycle.next_stop_step(child, NOW, is_leaving=False) == [SendSignal("a", "kill")]
    assert child.kills == 2


@pytest.mark.parametrize(
    ("after_stop", "is_leaving", "returning"),
    [("restart", False, True), ("crash", False, True), ("stay", False, False), ("restart", True, False)],
)
def test_a_stop_message_says_whether_the_child_will_return(
    after_stop: Any, is_leaving: bool, returning: bool
) -> None:
    effects = child_lifecycle.stop(ready(), after_stop, "", NOW, is_leaving=is_leaving)
    assert effects[-1] == SendStop("a", returning=returning)


def test_a_second_stop_changes_only_what_follows() -> None:
    child = ready()
    child_lifecycle.stop(child, "restart", "", NOW, is_leaving=False)
    assert child_lifecycle.stop(child, "remove", "", NOW, is_leaving=False) == []
    assert ended(child, CLEAN) == [PublishRemoval("a")]
    assert child.is_removed


def test_a_kill_shows_the_stacks_first_and_counts_as_a_crash() -> None:
    child = ready()
    effects = child_lifecycle.kill_for(child, "hang", "hung", NOW)
    assert effects == [PublishStatus("a"), DumpStacks("a")]
    assert child.due_at == NOW + DUMP_GRACE_SECONDS
    assert child_lifecycle.next_stop_step(child, NOW, is_leaving=False) == [SendSignal("a", "kill")]
    record, *rest = ended(child, KILLED)
    assert isinstance(record, RecordCrash)
    assert (record.kill_reason, record.reason) == ("hang", "hung (killed by SIGKILL)")
    assert rest == [PublishStatus("a"), StartProcess(child.spec)]


def test_a_crash_beyond_the_budget_opens_the_circuit() -> None:
    child = ready(intensity=0)
    record, published = ended(child, KILLED)
    assert isinstance(record, RecordCrash)
    assert published == PublishStatus("a")
    assert (child.state, child.circuit_open, child.probes) == ("failed", True, 1)


def test_no_end_during_the_stop_of_the_runtime_leads_to_a_start() -> None:
    for status in (CLEAN, KILLED, None):
        child = ready()
        effects = ended(child, status, is_leaving=True)
        assert not any(isinstance(effect, StartProcess) for effect in effects)
        assert child.state == "stopped"


def test_a_restart_on_request_forgets_all_failures_but_waits_for_dependencies() -> None:
    child = waiting()
    child.failures = 3
    assert child_lifecycle.restart(child, NOW, is_leaving=False) == []
    assert (child.failures, child.state) == (0, "waiting")
    assert child_lifecycle.restart(ready(), NOW, is_leaving=True) == []


def test_only_memory_above_a_limit_counts() -> None:
    assert child_lifecycle.check_memory(ready(), 10.0, NOW, is_leaving=False) == []
    child = ready(memory_limit_mib=10)
    assert child_lifecycle.check_memory(child, 10.0, NOW, is_leaving=False) == []
    effects = child_lifecycle.check_memory(child, 10.1, NOW, is_leaving=False)
    assert effects == [PublishStatus("a"), SendStop("a", returning=True)]
    assert (child.kill_reason, child.due_at) == ("memory_limit", NOW + MEMORY_GRACE_SECONDS)
    assert child_lifecycle.check_memory(child, 10.1, NOW, is_leaving=False) == []
    assert child_lifecycle.next_stop_step(child, NOW, is_leaving=False) == [SendSignal("a", "kill")]
