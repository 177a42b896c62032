"""What is due for a child, and what its state means for others."""

from __future__ import annotations

import pytest

from actors.runtime.supervisor.core.child_spec import ChildSpec
from actors.runtime.supervisor.core.child_state import ChildState


def child(**more: object) -> ChildState:
    found = ChildState(ChildSpec(name="a", entry="m:b", heartbeat_timeout_seconds=2.0), since=0.0)
    for name, value in more.items():
        setattr(found, name, value)
    return found


@pytest.mark.parametrize(
    ("state", "ended_clean", "satisfies"),
    [("ready", False, True), ("stopped", True, True), ("stopped", False, False)],
)
def test_dependents_may_start_when_it_serves_or_has_done_its_work(
    state: str, ended_clean: bool, satisfies: bool
) -> None:
    assert child(state=state, ended_clean=ended_clean).satisfies_dependents is satisfies


def test_the_next_deadline_is_the_nearer_of_what_is_due_and_the_unanswered_ping() -> None:
    assert child().next_deadline() is None
    assert child(state="ready", due_at=9.0, pinged_at=5.0).next_deadline() == 7.0
    assert child(state="stopping", due_at=9.0, pinged_at=5.0).next_deadline() == 9.0


def test_another_spec_holds_nothing_against_it() -> None:
    found = child(failures=3, probes=1, circuit_open=True)
    assert found.blocks_dependents
    found.replace_spec(ChildSpec(name="a", entry="m:c"))
    assert (found.failures, found.probes, found.circuit_open) == (0, 0, False)


def test_the_first_start_is_no_restart() -> None:
    assert [child(starts=starts).restarts for starts in (0, 1, 2)] == [0, 0, 1]
