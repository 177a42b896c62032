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


def test_an_alert_in_the_name_of_another_is_not_its_publishers_own() -> None:
    assert AlertChangedEvent(key="store/disk.full/models", alert=ALERT).is_own
    for key in ("other/disk.full/models", "storehouse/disk.full/models", "store", ""):
        assert not AlertChangedEvent(key=key, alert=ALERT).is_own
