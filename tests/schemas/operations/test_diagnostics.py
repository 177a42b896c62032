"""A report is asked for and travels whole; it is never retained."""

from __future__ import annotations

import msgspec
import pytest

from schemas.event import reply_type_of, retained_key_of
from schemas.operations.diagnostics import (
    DiagnosticsGeneratedEvent,
    DiagnosticsGenerateRequestEvent,
    MissingPart,
    ReportFile,
    ReportFinding,
)

REPORT = DiagnosticsGeneratedEvent(
    made_at=1.0,
    files=[
        ReportFile(
            name="SUMMARY.md", content="all is well", size_bytes=11, sha256="ab", redactions={"home": 1}
        )
    ],
    findings=[
        ReportFinding(
            name="disk_full", severity="critical", sentence="The disk is full.", advice="Free some space."
        )
    ],
    missing=[MissingPart(part="history", reason="no_responder")],
    summary="all is well",
    redactions={"home": 1},
    seconds=0.5,
)


@pytest.mark.requirement("S0-16")
def test_a_report_survives_the_wire_and_is_not_kept_by_the_broker() -> None:
    assert reply_type_of(DiagnosticsGenerateRequestEvent) is DiagnosticsGeneratedEvent
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(REPORT), type=DiagnosticsGeneratedEvent) == REPORT
    assert retained_key_of(REPORT) is None


def test_more_records_than_a_ring_can_hold_are_not_asked_for() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(
            {"type": "diagnostics.generate", "log_records": 10_001}, DiagnosticsGenerateRequestEvent
        )
