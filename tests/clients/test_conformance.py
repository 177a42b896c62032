"""Every client does what PROTOCOL.md says: scenarios against a real broker, and against a scripted one."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from tests.clients.scenario_runner import play, scenarios
from tests.support.broker_processes import GUARD_SECONDS
from tests.support.other_user import needs_other_user

pytestmark = pytest.mark.anyio


def marked(scenario: dict[str, Any]) -> Any:
    marks = [pytest.mark.requirement(*scenario.get("requirements", []))] if "requirements" in scenario else []
    platform = scenario.get("platform", sys.platform)
    marks.append(pytest.mark.skipif(platform != sys.platform, reason=f"only on {platform}"))
    if scenario.get("needs_root"):
        marks.append(needs_other_user)
    return pytest.param(scenario, id=scenario["name"].replace(" ", "-"), marks=marks)


@pytest.mark.parametrize("scenario", [marked(scenario) for scenario in scenarios()])
async def test_client_conforms(
    client: list[str],
    scenario: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    await play(scenario, client, tmp_path_factory.mktemp("c"), GUARD_SECONDS)


def test_no_two_scenarios_have_one_name() -> None:
    names = [scenario["name"] for scenario in scenarios()]
    assert len(names) == len(set(names))
