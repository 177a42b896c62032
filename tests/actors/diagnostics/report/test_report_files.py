"""Which files a report has, and that values stand where they are redacted by their name."""

from __future__ import annotations

import pytest

from actors.diagnostics.report.report_files import UnredactedFile, report_files, setting_rows, start_times
from actors.diagnostics.report_facts import DiskIntegrity, EvidenceText, ReportFacts
from schemas.config import SettingExplained, SettingLayer
from schemas.operations.logs import LogRecord, LogRingReadEvent
from schemas.operations.metrics import MetricsReportedEvent, Sample
from schemas.operations.supervision import ActorStatus, SupervisorStatusEvent

OVERVIEW = SupervisorStatusEvent(
    version="1",
    profile="p",
    home="",
    pid=1,
    started_at=100.0,
    settled=True,
    actors=[
        ActorStatus(actor="late", state="ready", since=102.5, restarts=1),
        ActorStatus(actor="broker", state="ready", since=100.25),
        ActorStatus(actor="bad", state="failed", since=101.0),
    ],
)


def by_name(facts: ReportFacts) -> dict[str, UnredactedFile]:
    return {file.name: file for file in report_files(facts, [])}


def test_a_part_that_is_missing_has_no_file() -> None:
    assert list(by_name(ReportFacts(made_at=0.0))) == ["findings.json"]


@pytest.mark.requirement("S0-16")
def test_records_metrics_and_crashes_have_files_of_their_own() -> None:
    record = LogRecord(actor="a", at=1.0, level="info", logger="l", message="m")
    sample = Sample(name="a.b", kind="gauge", description="d", labels={}, value=1.0)
    facts = ReportFacts(
        made_at=0.0,
        ring=LogRingReadEvent(records=[record], dropped=0),
        metrics=[MetricsReportedEvent(reading="r", actor="a", samples=[sample])],
        crashes=[
            EvidenceText(name="a.json", text='{"actor": "a"}'),
            EvidenceText(name="b.json", text="torn {"),
        ],
        log_files=[EvidenceText(name="undercroft.jsonl", text='{"message": "m"}\ntorn')],
        integrity=DiskIntegrity(damaged=[], journals=[]),
    )
    found = by_name(facts)
    assert found["logs.jsonl"].records is not None
    assert found["logs.jsonl"].records[0]["message"] == "m"
    assert found["metrics.prom"].lines is not None
    assert 'a_b{actor="a"} 1' in found["metrics.prom"].lines
    assert found["crashes/a.json"].data == {"actor": "a"}
    assert found["crashes/b.json"].lines == ["torn {"]
    assert found["log_files/undercroft.jsonl"].records == [{"message": "m"}, "torn"]


@pytest.mark.requirement("S0-16")
def test_timings_of_the_start_are_told_in_order_and_later_starts_are_marked() -> None:
    assert start_times(OVERVIEW)["actors"] == [
        {"actor": "broker", "state": "ready", "ready_after_seconds": 0.25, "restarted": False},
        {"actor": "late", "state": "ready", "ready_after_seconds": 2.5, "restarted": True},
    ]


@pytest.mark.requirement("S0-16")
def test_a_setting_stands_under_its_own_name_with_every_layer_that_says_something() -> None:
    layers = [
        SettingLayer(layer="profile", source="p", is_set=True, value="a"),
        SettingLayer(layer="user", source="u", is_set=True, value="b", wins=True),
        SettingLayer(layer="policy", source="q", is_set=False),
    ]
    explained = SettingExplained(
        path="assistant.system_prompt",
        title="t",
        value="b",
        winner="user",
        reason="r",
        is_locked=False,
        layers=layers,
    )
    (row,) = setting_rows(ReportFacts(made_at=0.0, settings=[explained])) or []
    assert row["value"] == {"system_prompt": "b"}
    assert [(layer["layer"], layer["value"]["system_prompt"]) for layer in row["layers"]] == [
        ("profile", "a"),
        ("user", "b"),
    ]
