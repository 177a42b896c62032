"""A change of settings: what it costs on the bus, and what is shown of it."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from actors.cli.commands.config import config_change
from actors.cli.commands.config.config_change import change_line, show_change
from actors.cli.connection import ask
from bus.client import connect
from schemas.config import (
    RuntimeConfigRequestEvent,
    RuntimeConfigResponseEvent,
    SettingChange,
    SettingProblem,
)
from tests.actors.cli.commands.config.conftest import Traffic, traffic


def test_a_change_shows_path_former_value_and_new_one(capsys: pytest.CaptureFixture[str]) -> None:
    show_change(
        RuntimeConfigResponseEvent(
            success=True,
            message="1 setting changed",
            settings={"vad": {"x": 1, "y": "ö"}},
            changed={"vad.y": SettingChange(before="ä", after="ö")},
        )
    )
    assert capsys.readouterr().out == 'vad.y: "ä" -> "ö"\n1 setting changed\n'


def test_a_secret_that_replaces_another_shows_neither() -> None:
    stars = "**********"
    assert change_line("key", SettingChange(before=stars, after=stars)) == "key: new value"
    assert change_line("key", SettingChange(before="", after=stars)) == f'key: "" -> "{stars}"'


def test_a_refusal_shows_every_problem(capsys: pytest.CaptureFixture[str]) -> None:
    wrong = RuntimeConfigResponseEvent(
        success=False, message="", problems=[SettingProblem(path="vad.x", problem="too large")]
    )
    show_change(wrong)
    assert capsys.readouterr().out == "vad.x: too large\nnothing was changed\n"


@pytest.mark.slow
def test_a_change_takes_one_connection_and_one_request(
    cloud: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings.json"
    file.write_text('{"theme": "light", "cloud": {"region": "us"}}')
    first = traffic(cloud)
    own = traffic(cloud) - first  # what it costs to look
    assert own == Traffic(1, 1)
    one = Traffic(1, 1)
    for arguments, expected in (
        (["set", "theme", "dark", "cloud.region", "ap"], one),
        (["set", "theme", "light", "--dry-run"], one),
        (["set", "theme", "light", "--session"], one),
        (["set", "cloud.api_key", "hush"], one),
        (["set", "gone", "1"], one),
        (["reset", "theme"], one),
        (["reset", "--all"], one),
        (["import", str(file)], one),
        (["import", str(file)], one),
        (["export"], Traffic(1, 2)),
        (["list"], one),
        (["get", "theme"], one),
    ):
        before = traffic(cloud)
        cloud("config", *arguments)
        assert traffic(cloud) - before - own == expected, arguments


@pytest.mark.slow
def test_a_stranger_s_change_is_never_shown_as_one_s_own(cloud: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Just before and after each request of the command, somebody else changes another setting."""
    names = (f"theme {number}" for number in itertools.count())

    async def stranger() -> None:
        async with connect(home=cloud.home) as peer:
            await peer.request(RuntimeConfigRequestEvent(operation="update", updates={"theme": next(names)}))

    async def meddled(*arguments: Any) -> Any:
        await stranger()
        reply = await ask(*arguments)
        await stranger()
        return reply

    monkeypatch.setattr(config_change, "ask", meddled)
    assert cloud("config", "set", "cloud.region", "us").out.splitlines() == [
        'cloud.region: "eu" -> "us"',
        "1 setting changed",
    ]
    (reply,) = cloud("config", "set", "cloud.region", "ap", "--json").documents
    assert reply["changed"] == {"cloud.region": {"before": "us", "after": "ap"}}
    assert reply["settings"]["theme"].startswith("theme ")
    assert cloud("config", "reset", "cloud").out.splitlines() == [
        'cloud.region: "ap" -> "eu"',
        "1 setting changed",
    ]


@pytest.mark.slow
def test_a_secret_among_other_changes_on_a_command_line_changes_nothing(
    cloud: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for pairs in (["theme", "dark", "cloud.api_key", "hush"], ["cloud", json.dumps({"api_key": "hush"})]):
        refused = cloud("config", "set", *pairs)
        assert (refused.code, refused.out) == (2, "")
        assert "use 'undercroft config secret cloud.api_key'" in refused.err
        assert "hush" not in refused.err
    assert cloud("config", "get", "theme").out == '"system"\n'
    monkeypatch.setattr(sys, "stdin", io.StringIO("hush-hush\n"))
    assert cloud("config", "secret", "cloud.api_key").out.splitlines()[-1] == "1 setting changed"
    assert asyncio.run(_set_by_a_client_of_the_bus(cloud)) == {
        "cloud.api_key": SettingChange(before="**********", after="**********")
    }


async def _set_by_a_client_of_the_bus(cloud: Any) -> dict[str, SettingChange]:
    """A client that knows nothing of command lines sets a secret, as it always could."""
    async with connect(home=cloud.home) as peer:
        request = RuntimeConfigRequestEvent(operation="update", updates={"cloud.api_key": "other"})
        return (await peer.request(request)).changed
