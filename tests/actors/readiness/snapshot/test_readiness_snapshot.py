"""One snapshot follows from the facts: its state, what can be used, what is shown, and what time changes."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.readiness.snapshot.availability import ReadinessDeclaration, category_status, is_enabled
from actors.readiness.snapshot.readiness_facts import ReadinessFacts, learn
from actors.readiness.snapshot.readiness_snapshot import (
    changed_fields,
    derive,
    failed_services,
    is_mere_progress,
    next_due,
    show,
    state_of,
)
from actors.readiness.wording import Wording
from schemas.models import ModelState
from schemas.operations.supervision import SupervisorStoppingEvent
from schemas.paths import PathProblemKind
from schemas.readiness import ReadinessSnapshot
from tests.support.readiness_lab import (
    DECLARED,
    ENGLISH,
    MODES,
    NOW,
    TABLE,
    actor_event,
    all_installed,
    facts_of,
    paths_event,
    progress_event,
    settings_event,
    snapshot_of,
    state_event,
    status,
)

MODELS = ("base", "chat", "voice", "ears")
STATES = st.sampled_from(get_args(ModelState))
EVENTS = st.one_of(
    st.builds(
        state_event,
        st.sampled_from(MODELS),
        STATES,
        durable_bytes=st.integers(0, 1000),
        revision=st.sampled_from(["", "r1"]),
    ),
    st.builds(progress_event, st.sampled_from(MODELS), st.integers(0, 1000), st.integers(1, 5)),
    st.builds(
        settings_event,
        assistant=st.booleans(),
        toast=st.booleans(),
        stt=st.sampled_from(["", "base", "spare"]),
    ),
    st.builds(
        actor_event,
        st.sampled_from(["model_downloader", "config_store"]),
        st.sampled_from(["ready", "failed", "backoff"]),
    ),
    st.builds(paths_event, problem=st.sampled_from([None, *get_args(PathProblemKind)])),
)


def learned(events: Iterable[Any], *, is_listed: bool = True) -> ReadinessFacts:
    facts = ReadinessFacts(is_listed=is_listed)
    for event in events:
        facts = learn(facts, event, NOW)
    return facts


@pytest.mark.requirement("S1-25", "S1-17")
@given(st.lists(EVENTS, max_size=30), st.booleans())
def test_ready_is_never_said_while_a_needed_category_is_missing(events: list[Any], is_listed: bool) -> None:
    facts = learned(events, is_listed=is_listed)
    snapshot = snapshot_of(facts)
    for mode, told in zip(MODES, snapshot.modes, strict=True):
        serves = all(
            category_status(category, facts, DECLARED, ENGLISH).state == "usable"
            for category in mode.requires
        )
        assert (told.status == "available") == (serves and is_enabled(mode, facts))
        assert bool(told.reasons) == (told.status != "available")
    wanted = [told for told in snapshot.modes if told.status != "switched_off"]
    assert (snapshot.state == "ready") == (
        facts.settings is not None and all(told.status == "available" for told in wanted)
    )


@pytest.mark.requirement("S1-25")
@given(st.lists(EVENTS, max_size=30), st.lists(EVENTS, max_size=30), st.floats(0, 10**6))
def test_availability_of_modes_follows_from_the_latest_facts_whatever_was_said_before(
    events: list[Any], former: list[Any], later: float
) -> None:
    facts = learned(events)
    assert snapshot_of(facts).modes == snapshot_of(facts, snapshot_of(learned(former)), NOW + later).modes


@pytest.mark.requirement("S1-25")
@given(st.lists(EVENTS, min_size=1, max_size=20), st.lists(st.floats(-1000, 1000), min_size=20, max_size=20))
def test_revisions_grow_even_if_the_clock_goes_back(events: list[Any], shifts: list[float]) -> None:
    facts, before = ReadinessFacts(), snapshot_of(ReadinessFacts())
    for event, shift in zip(events, shifts, strict=False):
        facts = learn(facts, event, NOW + shift)
        after = snapshot_of(facts, before, NOW + shift)
        assert after.revision > before.revision
        before = after


def test_a_life_that_remembers_nothing_goes_on_above_the_one_before() -> None:
    before: ReadinessSnapshot | None = None
    for _ in range(50):
        before = snapshot_of(facts_of(), before, NOW)
    assert before is not None
    assert snapshot_of(facts_of(), None, NOW + 1).revision > before.revision


@pytest.mark.requirement("S1-17", "S1-3", "S1-4")
@pytest.mark.parametrize(
    "failing", [subset for count in range(5) for subset in itertools.combinations(MODELS, count)]
)
@pytest.mark.parametrize("state", ["damaged", "failed", "absent"])
def test_what_fails_degrades_only_the_modes_that_need_it(failing: tuple[str, ...], state: ModelState) -> None:
    facts = facts_of(
        *(status(model_id, state if model_id in failing else "installed") for model_id in MODELS)
    )
    snapshot = snapshot_of(facts)
    modes = {mode.mode: mode for mode in snapshot.modes}
    assert (modes["dictation"].status == "available") == ("base" not in failing)
    assert (modes["assistant"].status == "available") == (not {"chat", "voice"} & set(failing))
    assert ("raw_output" in modes["dictation"].notices) == ("chat" in failing)
    assert ("loudness_only" in modes["dictation"].notices) == ("ears" in failing)
    assert snapshot.is_blocking == all(mode.status != "available" for mode in modes.values())


@pytest.mark.requirement("S1-4")
def test_dictation_without_a_language_model_says_that_its_output_is_raw() -> None:
    dictation, assistant = snapshot_of(
        facts_of(status("base", "installed"), status("chat", "absent"), status("voice", "installed"))
    ).modes
    assert dictation.status == "available"
    assert dictation.notice_texts[0] == "The output is raw text: there is no language model to improve it."
    assert (assistant.status, assistant.missing, [reason.kind for reason in assistant.reasons]) == (
        "unavailable",
        ["llm"],
        ["model_absent"],
    )


@pytest.mark.requirement("S1-2")
@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        (facts_of(status("base", "absent")), "model_absent"),
        (facts_of(status("base", "partial", durable_bytes=10)), "model_absent"),
        (facts_of(status("base", "paused", durable_bytes=10)), "model_paused"),
        (facts_of(status("base", "absent", licence_due=True)), "licence_due"),
        (facts_of(status("base", "installed"), stt="gone"), "unknown_model"),
        (facts_of(*all_installed(), events=(paths_event(problem="missing"),)), "path_missing"),
        (facts_of(*all_installed(), events=(paths_event(problem="removed_drive"),)), "path_missing"),
        (facts_of(*all_installed(), events=(paths_event(problem="not_a_directory"),)), "path_unusable"),
        (facts_of(*all_installed(), events=(paths_event(problem="unreadable"),)), "no_path_setting"),
        (facts_of(status("base", "absent"), events=(paths_event(problem="not_writable"),)), "path_unusable"),
    ],
)
def test_setup_is_required_for_a_model_or_a_place_that_a_person_has_to_bring(
    facts: ReadinessFacts, kind: str
) -> None:
    snapshot = snapshot_of(facts)
    assert (snapshot.state, snapshot.show, snapshot.is_blocking) == ("setup_required", "setup", True)
    assert kind in [reason.kind for reason in snapshot.reasons]
    assert all(reason.text for reason in snapshot.reasons)
    assert snapshot.setup is not None
    assert snapshot.setup.location == "/models"


@pytest.mark.requirement("S1-2")
def test_setup_is_required_where_neither_settings_nor_profile_name_a_model() -> None:
    declared = ReadinessDeclaration("App", MODES, msgspec.structs.replace(TABLE, categories={}))
    snapshot = snapshot_of(facts_of(status("base", "absent"), assistant=False), declared=declared)
    assert (snapshot.state, snapshot.reasons[0].kind) == ("setup_required", "no_model_setting")
    assert (
        snapshot_of(facts_of(status("base", "installed"), assistant=False), declared=declared).state
        == "ready"
    )


def test_a_directory_that_cannot_be_written_to_does_not_keep_installed_models_from_use() -> None:
    facts = facts_of(*all_installed(), events=(paths_event(problem="not_writable"),))
    assert snapshot_of(facts).state == "ready"
    assert snapshot_of(facts).steps[1].status == "failed"


@pytest.mark.requirement("S1-1", "S1-7")
def test_a_check_is_silent_for_three_seconds_and_then_a_banner_is_due() -> None:
    first = snapshot_of(learned([settings_event()], is_listed=False))
    assert (first.state, first.show) == ("checking", "nothing")
    assert next_due(first, DECLARED, NOW) == NOW + 3
    almost = snapshot_of(learned([settings_event()], is_listed=False), first, NOW + 2.999)
    assert almost.show == "nothing"
    late = snapshot_of(learned([settings_event()], is_listed=False), almost, NOW + 3)
    assert late.show == "banner"
    assert late.banner is not None
    assert "Still checking" in late.banner.text
    assert next_due(late, DECLARED, NOW + 3) is None
    assert snapshot_of(facts_of(*all_installed()), late, NOW + 4).show == "toast"


@pytest.mark.requirement("S1-1")
def test_a_service_that_restarts_is_a_minor_matter_until_it_lasts() -> None:
    ready = snapshot_of(facts_of(*all_installed()))
    facts = facts_of(*all_installed(), events=(actor_event("model_downloader", "backoff"),))
    begun = snapshot_of(facts, ready, NOW + 10)
    assert (begun.state, begun.show) == ("ready", "nothing")
    assert next_due(begun, DECLARED, NOW + 10) == NOW + 13
    assert snapshot_of(facts, begun, NOW + 13).show == "banner"


@pytest.mark.requirement("S1-5", "S1-6")
def test_a_toast_tells_that_all_is_ready_fades_and_can_be_switched_off_everywhere() -> None:
    facts = facts_of(*all_installed())
    ready = snapshot_of(facts)
    assert (ready.state, ready.show) == ("ready", "toast")
    assert ready.toast is not None
    assert (ready.toast.fade_ms, [action.name for action in ready.toast.actions]) == (4000, ["report"])
    assert ready.toast.actions[0].request == "readiness.report"
    assert next_due(ready, DECLARED, NOW) == NOW + 4
    assert snapshot_of(facts, ready, NOW + 4).show == "nothing"
    assert snapshot_of(facts_of(*all_installed(), toast=False)).toast is None
    silent = ReadinessDeclaration("App", MODES, msgspec.structs.replace(TABLE, toast=False))
    assert snapshot_of(facts, declared=silent).toast is None


@pytest.mark.requirement("S1-9")
def test_a_download_shows_a_line_a_model_with_explicit_percent() -> None:
    facts = facts_of(
        status("base", "downloading", durable_bytes=100),
        status("chat", "queued"),
        events=(progress_event("base", 413),),
    )
    snapshot = snapshot_of(facts)
    assert (snapshot.state, snapshot.show) == ("downloading", "progress")
    assert [line.text for line in snapshot.progress] == ["Base: 41 %", "Chat: 0 %"]
    assert snapshot.state_text == "Downloading Base, Chat ..."
    assert snapshot.modes[0].reasons[0].kind == "downloading"


def test_a_model_verified_at_the_start_is_being_checked_and_one_after_its_download_is_on_its_way() -> None:
    assert snapshot_of(facts_of(status("base", "verifying"), assistant=False)).state == "checking"
    facts = learn(
        facts_of(status("base", "downloading"), assistant=False), state_event("base", "verifying"), NOW
    )
    assert snapshot_of(facts).state == "downloading"


@pytest.mark.requirement("S1-39")
def test_the_former_revision_serves_while_a_newer_one_is_on_its_way() -> None:
    facts = facts_of(status("base", "downloading", revision="r1", wanted_revision="r2"), assistant=False)
    snapshot = snapshot_of(facts)
    assert snapshot.state == "ready"
    assert [line.model_id for line in snapshot.progress] == ["base"]


@pytest.mark.requirement("S1-12", "S1-16")
def test_after_a_failed_verification_safety_comes_first_and_the_three_actions_at_once() -> None:
    facts = facts_of(
        status("base", "failed", problem="sha256 is wrong", problem_kind="mismatch"), assistant=False
    )
    snapshot = snapshot_of(facts)
    assert (snapshot.state, snapshot.show) == ("recovery_required", "recovery")
    assert snapshot.recovery is not None
    assert (
        snapshot.recovery.text
        == "Base is not the model that was expected, so it is not used. Nothing else was changed."
    )
    assert [(action.name, action.title, action.value) for action in snapshot.recovery.actions] == [
        ("retry", "Retry", ""),
        ("change_path", "Change path directory", "/models"),
        ("report", "Show/Copy diagnostics report", ""),
    ]
    assert [action.request for action in snapshot.recovery.actions] == [
        "readiness.retry",
        "paths.choose",
        "readiness.report",
    ]


@pytest.mark.requirement("S1-17")
def test_a_broken_model_of_one_mode_shows_the_way_out_and_leaves_the_other_mode_alone() -> None:
    models = [found for found in all_installed() if found.model_id != "voice"]
    snapshot = snapshot_of(facts_of(*models, status("voice", "damaged", problem="changed")))
    assert (snapshot.state, snapshot.show, snapshot.is_blocking) == ("degraded", "recovery", False)
    assert snapshot.state_text == "Partly ready: Dictation can be used, Assistant cannot."


def test_a_circuit_that_is_open_before_anything_is_known_needs_a_person() -> None:
    snapshot = snapshot_of(
        learned([settings_event(), actor_event("model_downloader", "failed", "exit code 1")], is_listed=False)
    )
    assert (snapshot.state, snapshot.show) == ("recovery_required", "recovery")
    assert snapshot.reasons[0].kind == "service_down"
    assert failed_services(learned([actor_event("model_downloader", "failed")])) == ["model_downloader"]


def test_a_mode_that_is_switched_off_is_missed_by_nobody() -> None:
    snapshot = snapshot_of(
        facts_of(status("base", "installed"), status("ears", "installed"), assistant=False)
    )
    assert (snapshot.state, snapshot.modes[1].status) == ("ready", "switched_off")
    assert snapshot.setup is None


def test_a_runtime_that_leaves_checks_nothing_any_more() -> None:
    facts = facts_of(*all_installed(), events=(SupervisorStoppingEvent(reason="asked"),))
    assert (snapshot_of(facts).state, snapshot_of(facts).show) == ("idle", "nothing")


@given(st.lists(EVENTS, max_size=30), st.floats(0, 100))
def test_what_is_shown_is_there_to_be_shown(events: list[Any], later: float) -> None:
    facts = learned(events)
    snapshot = snapshot_of(facts, snapshot_of(facts), NOW + later)
    if snapshot.show != "nothing":
        assert getattr(snapshot, snapshot.show)
    assert show(snapshot) == snapshot.show


def test_a_delta_names_what_is_new_and_mere_progress_is_told_from_the_rest() -> None:
    begun = facts_of(status("base", "downloading"), assistant=False)
    before = snapshot_of(begun)
    more = snapshot_of(learn(begun, progress_event("base", 500), NOW), before)
    assert changed_fields(before, more) == ["steps", "progress"]
    assert is_mere_progress(before, more)
    done = snapshot_of(learn(begun, state_event("base", "installed"), NOW), more)
    assert {"state", "modes", "show"} <= set(changed_fields(more, done))
    assert not is_mere_progress(more, done)
    assert "revision" not in changed_fields(None, done)


def test_words_do_not_change_what_is_so() -> None:
    facts = facts_of(status("base", "absent"))
    bare = Wording("x", dict.fromkeys(_keys(), ""))
    told = derive(facts, DECLARED, bare, None, NOW)
    assert (told.state, told.show) == (snapshot_of(facts).state, snapshot_of(facts).show)
    assert state_of(facts, DECLARED, told.modes, [], []) == "setup_required"


def _keys() -> list[str]:
    from actors.readiness.wording import DIRECTORY, read_table

    return list(read_table(DIRECTORY / "en.toml"))
