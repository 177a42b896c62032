"""Which alerts the store raises and clears, and what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.config_store.files.config_file import ConfigFile
from actors.config_store.store_alerts import NOT_DURABLE_SECONDS, StoreAlerts
from bus.telemetry.alert_book import Alerts
from schemas.config import SettingProblem
from schemas.event import Event
from schemas.operations.alerts import AlertChangedEvent

pytestmark = pytest.mark.anyio


class Published:
    """What was published, as (name, is active)."""

    def __init__(self) -> None:
        self.events: list[AlertChangedEvent] = []

    async def publish(self, event: Event) -> None:
        assert isinstance(event, AlertChangedEvent)
        self.events.append(event)

    @property
    def states(self) -> list[tuple[str, bool]]:
        return [(event.alert.name, event.alert.is_active) for event in self.events]


@pytest.fixture
def published() -> Published:
    return Published()


@pytest.fixture
def alerts(published: Published) -> StoreAlerts:
    return StoreAlerts(Alerts("config_store", published.publish))


async def test_a_start_without_a_fault_raises_nothing(
    tmp_path: Path, alerts: StoreAlerts, published: Published
) -> None:
    await alerts.started(ConfigFile(tmp_path / "config.json"), [], "policy.json")
    assert [name for name, is_active in published.states if is_active] == []


async def test_everything_that_could_not_be_used_at_the_start_is_named(
    tmp_path: Path, alerts: StoreAlerts, published: Published
) -> None:
    (tmp_path / "config.json").write_text("{")
    problems = [
        SettingProblem(path="/etc/policy.json", problem="/etc/policy.json: expected JSON"),
        SettingProblem(path="vad.level", problem="found 7"),
        SettingProblem(path="gone", problem="there is no setting 'gone'"),
    ]
    await alerts.started(ConfigFile(tmp_path / "config.json"), problems, "/etc/policy.json")
    raised = {event.alert.name: event.alert for event in published.events if event.alert.is_active}
    assert set(raised) == {"config.file_corrupt", "config.policy_invalid", "config.settings_ignored"}
    assert str(tmp_path / "config.json.corrupt") in raised["config.file_corrupt"].message
    assert raised["config.policy_invalid"].message == "/etc/policy.json: expected JSON"
    assert raised["config.settings_ignored"].severity == "warning"
    assert raised["config.settings_ignored"].message == (
        "vad.level: found 7; gone: there is no setting 'gone'"
    )


async def test_a_file_of_a_later_version_is_named_at_the_start(
    tmp_path: Path, alerts: StoreAlerts, published: Published
) -> None:
    (tmp_path / "config.json").write_text('{"format": 9, "overrides": {}}')
    await alerts.started(ConfigFile(tmp_path / "config.json"), [], "")
    assert ("config.read_only", True) in published.states


async def test_an_invalid_edit_is_cleared_once_by_a_valid_file(
    alerts: StoreAlerts, published: Published
) -> None:
    await alerts.file_valid()
    assert published.states == []
    await alerts.file_invalid("config.json: expected JSON")
    await alerts.file_valid()
    await alerts.file_valid()
    assert published.states == [("config.file_invalid", True), ("config.file_invalid", False)]


async def test_a_policy_is_invalid_until_it_is_valid(alerts: StoreAlerts, published: Published) -> None:
    await alerts.policy_invalid("policy.json: expected JSON")
    await alerts.policy_valid()
    assert published.states == [("config.policy_invalid", True), ("config.policy_invalid", False)]


async def test_a_disk_that_keeps_failing_is_reported_now_and_then(
    alerts: StoreAlerts, published: Published
) -> None:
    for number, now in enumerate((0.0, 0.1, NOT_DURABLE_SECONDS - 0.01, NOT_DURABLE_SECONDS + 0.01)):
        await alerts.not_durable(OSError(f"fault {number}"), now)
    assert [event.alert.message.rpartition(" ")[2] for event in published.events] == ["0", "3"]
    await alerts.durable()
    assert published.states[-1] == ("config.not_durable", False)
