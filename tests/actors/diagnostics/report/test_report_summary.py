"""The page leads with what is wrong, and names what is missing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.diagnostics.report.report_summary import FINDINGS_SHOWN, summary
from actors.diagnostics.report_facts import EvidenceText, ReportFacts
from schemas.operations.diagnostics import ReportFinding
from schemas.operations.supervision import SupervisorStatusEvent

FACTS = ReportFacts(
    made_at=0.0,
    versions={"undercroft": "1.2", "python": "3.11"},
    crashes=[EvidenceText(name="c.json", text="{}")],
)


def finding(name: str, severity: str = "error") -> ReportFinding:
    return ReportFinding(name=name, severity=severity, sentence=f"{name}\nis so.", advice="Do it.")  # type: ignore[arg-type]


@pytest.mark.requirement("S0-16")
def test_the_first_line_is_the_cause_and_the_rest_follows_in_order() -> None:
    lines = summary(FACTS, [finding("disk"), finding("actor"), finding("note", "info")]).splitlines()
    assert lines[0] == "# disk is so."
    assert lines[2] == "What to do: Do it."
    assert "2. **error**: actor is so. Do it." in lines
    assert "- note: note is so. Do it." in lines
    assert "- versions: Undercroft 1.2, Python 3.11" in lines
    assert "- crash records: 1, the newest is c.json" in lines


def test_a_runtime_that_is_well_is_said_to_be() -> None:
    assert summary(FACTS, []).startswith("# Nothing wrong was found\n")


def test_a_runtime_of_another_version_than_the_command_is_told() -> None:
    running = SupervisorStatusEvent(
        version="1.1", profile="p", home="", pid=7, started_at=0.0, settled=True, actors=[]
    )
    page = summary(replace(FACTS, overview=running), [])
    assert "- versions: Undercroft 1.2" in page
    assert "- runtime: Undercroft 1.1, up since" in page


def test_a_hundred_findings_still_fit_on_a_page() -> None:
    page = summary(FACTS, [finding(str(number)) for number in range(100)])
    assert page.count("**error**") == FINDINGS_SHOWN - 1
    assert "80 more are in findings.json." in page


def test_parts_that_are_missing_for_one_reason_are_named_together() -> None:
    page = summary(
        ReportFacts(made_at=0.0, missing={"models": "gone", "alerts": "gone", "paths": "late"}), []
    )
    assert "- alerts, model records: gone" in page
    assert "- paths: late" in page
