"""`undercroft topics` lists what is on the bus, and what an app's code declares."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.actors.cli.conftest import Cli
from tests.support.profiles import write_profile

SOURCE = '''
from actors.shared.sdk import Event

class SaidEvent(Event, frozen=True, kw_only=True, tag="probelist.said"):
    """It was said."""

    words: str = ""

def build(context): ...
'''
pytestmark = pytest.mark.timeout(120)


def test_a_running_runtime_shows_who_serves_what(running: Cli) -> None:
    shown = Cli(running.home, Path("dictation"))("topics", "config.request").out
    assert "request" in shown
    assert "served by config_store" in shown
    assert "-> config.response" in shown
    (document,) = Cli(running.home, Path("dictation"))("topics", "--json").documents
    assert {one["origin"] for one in document["topics"]} >= {"undercroft"}


def test_many_topics_are_one_line_each_unless_fields_are_wanted(absent: Cli) -> None:
    bundled = Cli(absent.home, Path("dictation"))
    short, long = bundled("topics", "config.*").out, bundled("topics", "config.*", "--fields").out
    assert len(long.splitlines()) > len(short.splitlines()) > 5


def test_those_of_an_app_come_from_its_code(tmp_path: Path) -> None:
    app = write_profile(
        tmp_path / "app", {"name": "a", "entry": "probe_list:build"}, modules={"probe_list.py": SOURCE}
    )
    shown = Cli(tmp_path / "home", app)("topics", "probelist.*").out
    assert shown.splitlines()[0].split() == ["probelist.said", "event", "It", "was", "said."]
    assert 'words: text = ""' in shown
    assert "no topic matches 'nothing.*'" in Cli(tmp_path / "home", app)("topics", "nothing.*").out
