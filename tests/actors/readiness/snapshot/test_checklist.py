"""The checklist tells what is looked at, how far it is, and how long it took."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.readiness.snapshot.availability import category_status, needed_categories
from actors.readiness.snapshot.checklist import durable_bytes_of, percent, steps_of, timed
from actors.readiness.snapshot.readiness_facts import ReadinessFacts, learn
from schemas.readiness import Step, StepStatus
from tests.support.readiness_lab import (
    DECLARED,
    ENGLISH,
    NOW,
    actor_event,
    facts_of,
    progress_event,
    settings_event,
    status,
)

pytestmark = pytest.mark.requirement("S1-7")


def checklist(facts: ReadinessFacts) -> dict[str, Step]:
    categories = [
        (category_status(category, facts, DECLARED, ENGLISH), needed)
        for category, needed in needed_categories(facts, DECLARED)
    ]
    return {step.id: step for step in steps_of(facts, DECLARED, categories, ENGLISH)}


def step(status: StepStatus) -> Step:
    return Step(id="a", title="A", status=status)


def test_at_first_everything_runs_or_waits() -> None:
    steps = checklist(ReadinessFacts())
    assert {name: found.status for name, found in steps.items()} == {
        "settings": "running", "storage": "running", "services": "running",
        "model.stt": "waiting", "model.llm": "waiting", "model.vad": "waiting", "model.tts": "waiting",
    }  # fmt: skip


def test_each_model_has_its_step_with_friendly_name_and_what_was_found() -> None:
    facts = facts_of(
        status("base", "installed", held_by=["recorder"]),
        status("chat", "downloading"),
        status("voice", "failed", problem="no space"),
        status("ears", "absent"),
        events=(progress_event("chat", 410),),
    )
    steps = checklist(facts)
    assert (steps["settings"].status, steps["storage"].status, steps["services"].status) == (
        "passed",
        "passed",
        "passed",
    )
    assert steps["model.stt"] == Step(
        id="model.stt", title="Speech to text: Base", status="passed", detail="in use"
    )
    assert steps["model.llm"] == Step(
        id="model.llm", title="Language model: Chat", status="running", detail="41 %"
    )
    assert steps["model.tts"].status == "failed"
    assert steps["model.tts"].detail == "Voice could not be installed: no space"
    assert steps["model.vad"] == Step(
        id="model.vad",
        title="Voice detection: Ears",
        status="skipped",
        detail="optional, not installed",
    )


def test_a_service_that_is_down_is_named() -> None:
    steps = checklist(learn(facts_of(), actor_event("model_verifier", "backoff"), NOW))
    assert (steps["services"].status, steps["services"].detail) == ("running", "model_verifier is backoff")
    assert (
        checklist(learn(facts_of(), actor_event("model_verifier", "failed"), NOW))["services"].status
        == "failed"
    )
    lost = learn(ReadinessFacts(), actor_event("config_store", "failed"), NOW)
    assert checklist(lost)["settings"].status == "failed"
    assert checklist(learn(lost, settings_event(), NOW))["settings"].status == "passed"


def test_a_step_keeps_the_time_at_which_it_began_and_gets_one_when_it_ends() -> None:
    running = timed([step("running")], [], 10.0)
    assert (running[0].started_at, running[0].ended_at) == (10.0, None)
    still = timed([step("running")], running, 11.0)
    assert still[0].started_at == 10.0
    ended = timed([step("passed")], still, 12.0)
    assert (ended[0].started_at, ended[0].ended_at) == (10.0, 12.0)
    assert timed([step("passed")], ended, 20.0) == ended
    again = timed([step("running")], ended, 30.0)
    assert (again[0].started_at, again[0].ended_at) == (30.0, None)
    assert timed([step("waiting")], again, 40.0)[0].started_at is None
    turned = timed([step("failed")], ended, 50.0)
    assert (turned[0].started_at, turned[0].ended_at) == (50.0, 50.0)


@given(st.lists(st.sampled_from(["waiting", "running", "passed", "failed", "skipped"]), max_size=20))
def test_a_step_never_ends_before_it_began(statuses: list[StepStatus]) -> None:
    before: list[Step] = []
    for at, found in enumerate(statuses):
        before = timed([step(found)], before, float(at))
        assert before[0].ended_at is None or (before[0].started_at or 0.0) <= before[0].ended_at
        assert (before[0].ended_at is not None) == (found in ("passed", "failed", "skipped"))


@pytest.mark.requirement("S1-9")
@given(st.integers(0, 10**13), st.integers(0, 10**13))
def test_percent_is_0_to_100_and_100_only_when_all_is_there(durable_bytes: int, size_bytes: int) -> None:
    assert 0 <= percent(durable_bytes, size_bytes) <= 100
    assert (percent(durable_bytes, size_bytes) == 100) == (durable_bytes >= size_bytes)


def test_the_newest_word_on_a_model_counts() -> None:
    facts = facts_of(status("base", "downloading", durable_bytes=3))
    assert durable_bytes_of(facts.models["base"], facts) == 3
    assert durable_bytes_of(facts.models["base"], learn(facts, progress_event("base", 9), NOW)) == 9
