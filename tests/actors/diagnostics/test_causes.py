"""The report leads with the cause, not with what follows from it."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.diagnostics.causes import CHECKS, causes
from actors.diagnostics.report_facts import ConfigFileState, ReportFacts, RuntimeFileState, StorageUse
from schemas.keys import KeysReport
from schemas.models import ModelsListedEvent, ModelStatus
from schemas.operations.alerts import Alert
from schemas.operations.metrics import MetricsReportedEvent, Sample
from schemas.operations.supervision import ActorStatus, SupervisorStatusEvent
from schemas.readiness import ReadinessReportedEvent, ReadinessSnapshot, WarningSign

WELL = ReportFacts(
    made_at=1.0,
    runtime=RuntimeFileState(state="alive", pid=7),
    config=ConfigFileState(exists=True),
    storage=[],
)
MODEL = ModelStatus(
    model_id="small",
    name="Small",
    category="stt",
    licence="MIT",
    state="damaged",
    size_bytes=1,
    durable_bytes=0,
    problem="sha256 is other",
)


def usage(free_bytes: int) -> StorageUse:
    return StorageUse(category="state", path="/s", exists=True, free_bytes=free_bytes, total_bytes=1 << 40)


def overview(*actors: ActorStatus) -> SupervisorStatusEvent:
    return SupervisorStatusEvent(
        version="1", profile="p", home="", pid=1, started_at=0.0, settled=True, actors=list(actors)
    )


def alert(name: str, subject: str = "", *, severity: str = "error", is_active: bool = True) -> Alert:
    return Alert(
        name=name,
        subject=subject,
        source="s",
        severity=severity,
        is_active=is_active,
        since=1.0,
        last_at=1.0,
        count=2,
        message="it is so",
        advice="do",  # type: ignore[arg-type]
    )


def signs(*found: WarningSign) -> ReadinessReportedEvent:
    snapshot = ReadinessSnapshot(
        revision=1,
        state="degraded",
        since=0.0,
        state_text="",
        is_blocking=False,
        show="nothing",
        steps=[],
        modes=[],
        signs=list(found),
    )
    return ReadinessReportedEvent(snapshot=snapshot, text="")


CASES = {
    "disk_full": {"storage": [usage(1 << 20)]},
    "broker_down": {"unreached": "nobody answers"},
    "config_corrupt": {"config": ConfigFileState(exists=True, fault="expected JSON")},
    "keys_locked": {"keyring": KeysReport(state="locked", reason="keychain_locked")},
    "actor_failed": {
        "overview": overview(
            ActorStatus(
                actor="a", state="failed", restarts=3, reason="exit code 1", last_words="x\nno licence\n"
            )
        )
    },
    "model_damaged": {"models": ModelsListedEvent(models=[MODEL], models_directory="")},
}


def test_nothing_is_wrong_with_a_runtime_that_is_well() -> None:
    assert causes(WELL) == []


@pytest.mark.requirement("S0-16", "S4-28")
@pytest.mark.parametrize("name", CASES)
def test_each_cause_is_found_alone_and_says_what_to_do(name: str) -> None:
    found = causes(replace(WELL, **CASES[name]))  # type: ignore[arg-type]
    assert [finding.name for finding in found] == [name]
    assert found[0].advice
    assert found[0].sentence.endswith((".", "licence", "other"))


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(CASES, 2)))
def test_of_two_causes_the_one_that_explains_more_comes_first(first: str, second: str) -> None:
    found = causes(replace(WELL, **{**CASES[first], **CASES[second]}))  # type: ignore[arg-type]
    assert [finding.name for finding in found] == [first, second]


@pytest.mark.requirement("S1-37")
def test_warning_signs_come_in_words_and_behind_what_is_broken() -> None:
    sign = WarningSign(
        kind="fast_mismatch", model_id="small", count=2, last_at=1.0, text="The server may send another file."
    )
    found = causes(replace(WELL, readiness=signs(sign), **CASES["model_damaged"]))  # type: ignore[arg-type]
    assert [finding.name for finding in found] == ["model_damaged", "sign_fast_mismatch"]
    assert found[1].sentence == "small: fast mismatch, 2 times. The server may send another file."


@pytest.mark.requirement("S3-21")
def test_alerts_that_are_active_are_findings_and_those_that_are_over_are_not() -> None:
    alerts = [
        alert("state_persistence.quota_exceeded", "total", severity="warning"),
        alert("state_persistence.corruption_detected", is_active=False),
    ]
    assert [(finding.name, finding.subject) for finding in causes(replace(WELL, alerts=alerts))] == [
        ("state_persistence.quota_exceeded", "total")
    ]


def test_an_alert_does_not_repeat_what_was_found_anyway() -> None:
    found = causes(
        replace(
            WELL,
            config=ConfigFileState(exists=True, fault="expected JSON"),
            alerts=[alert("config.file_invalid")],
        )
    )
    assert [finding.name for finding in found] == ["config_corrupt"]


def test_a_settings_file_that_was_put_aside_long_ago_is_a_note_and_one_of_this_run_is_an_error() -> None:
    aside = replace(WELL, config=ConfigFileState(exists=True, put_aside=["config.json.corrupt"]))
    assert [finding.severity for finding in causes(aside)] == ["info"]
    assert [
        finding.severity for finding in causes(replace(aside, alerts=[alert("config.file_corrupt")]))
    ] == ["error"]


@pytest.mark.parametrize(
    ("state", "name"),
    [
        ("alive", "broker_down"),
        ("stale", "runtime_died"),
        ("absent", "not_running"),
        ("unreadable", "runtime_unreadable"),
    ],
)
def test_why_nobody_answers_is_told_by_the_runtime_file(state: str, name: str) -> None:
    facts = replace(
        WELL, unreached="gone", runtime=RuntimeFileState(state=state, pid=7), missing={"models": "gone"}
    )  # type: ignore[arg-type]
    assert [finding.name for finding in causes(facts)] == [name]


def test_keys_that_nobody_asked_for_yet_are_no_fault() -> None:
    assert causes(replace(WELL, keys={"state_store": KeysReport(state="locked", reason="not_asked")})) == []


def test_an_actor_that_comes_and_goes_is_a_warning_also_while_it_serves() -> None:
    (found,) = causes(
        replace(
            WELL,
            overview=overview(
                ActorStatus(actor="broker", state="ready", restarts=3, reason="signal SIGKILL")
            ),
        )
    )
    assert (found.name, found.subject, found.severity) == ("actor_unsteady", "broker", "warning")
    assert "3 times" in found.sentence


def test_events_that_an_actor_never_heard_are_told() -> None:
    sample = Sample(name="bus.peer.lost_events", kind="counter", description="d", labels={}, value=3.0)
    (found,) = causes(
        replace(WELL, metrics=[MetricsReportedEvent(reading="r", actor="readiness", samples=[sample])])
    )
    assert (found.name, found.subject, found.severity) == ("events_lost", "readiness", "warning")
    assert "lost 3 events" in found.sentence


def test_locked_keys_are_one_cause_whoever_speaks_of_them() -> None:
    locked = KeysReport(state="locked", reason="keychain_locked", detail="it is locked")
    (found,) = causes(
        replace(WELL, keyring=locked, keys={"history": locked}, alerts=[alert("history.locked")])
    )
    assert found.sentence.endswith("(keychain_locked): it is locked. Concerned: history.")


@pytest.mark.parametrize(
    ("state", "restarts", "is_found"),
    [("backoff", 2, True), ("backoff", 1, False), ("waiting", 2, False), ("ready", 2, False)],
)
def test_an_actor_is_in_a_loop_once_it_waits_for_another_start_again(
    state: str, restarts: int, is_found: bool
) -> None:
    facts = replace(WELL, overview=overview(ActorStatus(actor="a", state=state, restarts=restarts)))  # type: ignore[arg-type]
    assert bool(causes(facts)) is is_found


def test_parts_that_are_missing_are_told_unless_the_app_has_no_such_actor() -> None:
    assert causes(replace(WELL, missing={"history": "no_responder: nobody serves history.status"})) == []
    assert [
        finding.name for finding in causes(replace(WELL, missing={"models": "no answer within 1.2 s"}))
    ] == ["parts_missing"]


@given(st.sets(st.sampled_from(sorted(CASES))), st.integers(0, 1 << 34))
def test_any_mixture_is_put_in_one_order(names: set[str], free_bytes: int) -> None:
    values = {"storage": [usage(free_bytes)]}
    for name in names:
        values |= CASES[name]  # type: ignore[arg-type]
    found = causes(replace(WELL, **values))  # type: ignore[arg-type]
    severities = ["critical", "error", "warning", "info"]
    assert [finding.severity for finding in found] == sorted(
        (finding.severity for finding in found), key=severities.index
    )
    assert names <= {finding.name for finding in found}
    assert len(CHECKS) == 12
