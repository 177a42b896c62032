"""Every fact has a name for people, so that each one that is missing can be named."""

from __future__ import annotations

from dataclasses import fields

from actors.diagnostics.report_facts import PART_NAMES, ReportFacts


def test_every_part_has_a_name() -> None:
    assert {field.name for field in fields(ReportFacts)} - {
        "made_at",
        "unreached",
        "missing",
    } == PART_NAMES.keys()


def test_a_report_can_be_made_from_nothing() -> None:
    assert all(getattr(ReportFacts(made_at=0.0), part) is None for part in PART_NAMES)
