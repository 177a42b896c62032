"""What is shown: one bundle, one line a model, safety before actions."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from actors.readiness.snapshot.availability import CategoryStatus, category_status
from actors.readiness.snapshot.presentation import (
    banner_notice,
    progress_lines,
    recovery_notice,
    setup_prompt,
    toast_notice,
)
from actors.readiness.snapshot.readiness_facts import ReadinessFacts
from schemas.bounds import INTEGER_LIMIT
from schemas.readiness import SetupPrompt, Step
from tests.support.readiness_lab import DECLARED, ENGLISH, facts_of, paths_event, progress_event, status


def statuses_of(facts: ReadinessFacts, *categories: str) -> list[CategoryStatus]:
    return [category_status(category, facts, DECLARED, ENGLISH) for category in categories]


def prompt(facts: ReadinessFacts, *categories: str) -> SetupPrompt:
    found = setup_prompt(statuses_of(facts, *categories), facts, DECLARED, ENGLISH)
    assert found is not None
    return found


@pytest.mark.requirement("S1-8", "S1-9", "S1-19")
def test_the_bundle_has_all_models_by_friendly_name_one_size_and_one_place() -> None:
    facts = facts_of(
        status("base", "partial", durable_bytes=400), status("chat", "absent"), status("ears", "installed")
    )
    found = prompt(replace(facts, free_bytes=10**6), "stt", "llm", "vad")
    assert found.heading == "Set up Dictation: Base, Chat"
    assert [(model.name, model.size_bytes, model.missing_bytes) for model in found.models] == [
        ("Base", 1000, 600),
        ("Chat", 1000, 1000),
    ]
    assert (found.size_bytes, found.missing_bytes, found.location, found.free_bytes) == (
        2000,
        1600,
        "/models",
        10**6,
    )
    assert (
        found.text == "1.6 kB will be downloaded to /models, where 1.0 MB are free. "
        "An interrupted download resumes by itself."
    )


@pytest.mark.requirement("S1-18")
def test_another_directory_can_be_chosen_before_the_bundle_is_confirmed() -> None:
    change = prompt(facts_of(status("base", "absent")), "stt").change
    assert change is not None
    assert (change.name, change.value, change.request) == ("change_path", "/models", "paths.choose")


@pytest.mark.requirement("S1-32")
def test_a_disk_that_is_too_small_is_told_before() -> None:
    assert (
        "only 100 B are free"
        in prompt(replace(facts_of(status("base", "absent")), free_bytes=100), "stt").text
    )
    unknown = prompt(replace(facts_of(status("base", "absent")), free_bytes=None), "stt")
    assert unknown.text == "1.0 kB will be downloaded to /models. An interrupted download resumes by itself."


def test_licences_that_are_due_stand_in_the_bundle() -> None:
    facts = replace(
        facts_of(status("base", "absent", licence_due=True)), licence_urls={"base": "https://x/licence"}
    )
    found = prompt(facts, "stt")
    assert found.models[0].licence_due
    assert "Base is licensed under MIT, which you have to accept: https://x/licence" in found.text


def test_without_a_model_to_fetch_the_bundle_says_what_else_is_missing() -> None:
    found = prompt(facts_of(stt="gone"), "stt")
    assert (found.heading, found.models) == ("Set up Dictation", [])
    assert found.text == "Speech to text: the chosen model gone is unknown."
    place = prompt(facts_of(status("base", "absent"), events=(paths_event(problem="missing"),)), "stt")
    assert "The directory /models does not exist." in place.text


def test_where_nothing_is_missing_nothing_is_asked() -> None:
    facts = facts_of(status("base", "installed"), status("chat", "failed"), status("voice", "downloading"))
    assert setup_prompt(statuses_of(facts, "stt", "llm", "tts"), facts, DECLARED, ENGLISH) is None


@pytest.mark.requirement("S1-9", "S1-10")
def test_progress_is_a_line_a_model_with_percent_and_without_controls() -> None:
    facts = facts_of(status("base", "verifying"), status("chat", "queued"))
    (line,) = progress_lines(facts, ENGLISH)
    assert (line.text, line.percent, line.rate_bytes_per_second) == ("Chat: 0 %", 0, 0.0)
    (later,) = progress_lines(replace(facts, progress={"chat": progress_event("chat", 999)}), ENGLISH)
    assert (later.text, later.rate_bytes_per_second) == ("Chat: 99 %", 100.0)


@pytest.mark.requirement("S1-12")
@pytest.mark.parametrize(
    ("state", "kind", "words"),
    [
        ("failed", "mismatch", "Base is not the model that was expected"),
        ("damaged", "damaged", "Base has changed on disk, so it is no longer used. It was not deleted"),
        ("failed", "space", "Base could not be downloaded: the disk is full."),
        ("failed", "network", "Base could not be downloaded. The part that has arrived is kept."),
    ],
)
def test_the_safety_message_fits_what_happened(state: str, kind: str, words: str) -> None:
    facts = facts_of(status("base", state, problem_kind=kind, problem="x"))  # type: ignore[arg-type]  # each is one of the states
    found = recovery_notice(statuses_of(facts, "stt"), [], facts, ENGLISH)
    assert found is not None
    assert found.text.startswith(words)


def test_a_service_that_gave_up_has_a_way_out_too_and_nothing_broken_has_none() -> None:
    found = recovery_notice([], ["model_downloader"], facts_of(), ENGLISH)
    assert found is not None
    assert found.text == "model_downloader is not running. Your files are safe."
    assert recovery_notice([], [], facts_of(), ENGLISH) is None


def test_a_banner_names_the_step_and_a_toast_fades() -> None:
    running = Step(id="a", title="Services", status="running")
    failed = Step(id="a", title="Services", status="failed", detail="x is failed")
    assert (
        banner_notice(running, ENGLISH).text == "Still checking: Services. This is taking longer than usual."
    )
    assert banner_notice(failed, ENGLISH).text == "Services: x is failed"
    assert toast_notice(1500, ENGLISH).fade_ms == 1500


def test_models_that_no_disk_holds_together_have_a_size_that_an_event_can_hold() -> None:
    sound = [status(name, "absent") for name in ("base", "chat")]
    huge = [msgspec.structs.replace(one, size_bytes=INTEGER_LIMIT) for one in sound]
    found = prompt(facts_of(*huge), "stt", "llm")
    assert (found.size_bytes, found.missing_bytes) == (INTEGER_LIMIT, INTEGER_LIMIT)
