"""An alert is retained under its key, so that each matter has one last word."""

from __future__ import annotations

from schemas.event import retained_key_of
from schemas.operations.alerts import Alert, AlertChangedEvent

ALERT = Alert(
    name="disk.full",
    subject="models",
    source="store",
    severity="error",
    is_active=True,
    since=1.0,
    last_at=2.0,
    count=2,
    message="m",
    advice="a",
)


def test_alerts_of_one_matter_replace_each_other_and_those_of_others_do_not() -> None:
    keys = [
        retained_key_of(AlertChangedEvent(key=key, alert=ALERT))
        for key in ("store/disk.full/models", "store/disk.full/logs")
    ]
    assert keys == ["store/disk.full/models", "store/disk.full/logs"]
