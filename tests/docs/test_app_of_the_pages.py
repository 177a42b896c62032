"""The blocks of docs/profiles.md and docs/actors.md together make an app that starts and works."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import undercroft_client
from actors.shared.profile.profile import read_profile
from tests.clients.conftest import find_node, why_no_node
from tests.support.app_of_pages import page_blocks, write_app
from undercroft_client import RequestFailed
from undercroft_client.events import (
    ReadinessReportRequestEvent,
    RuntimeConfigRequestEvent,
    StateLoadRequestEvent,
    StateSaveRequestEvent,
    SupervisorStatusRequestEvent,
)

CODE = ("python", "js", "json")
UNDERCROFT = [sys.executable, "-P", "-m", "actors"]


def test_the_app_has_every_file_that_its_profile_names(tmp_path: Path) -> None:
    profile = read_profile(write_app(tmp_path))
    assert [child.name for child in profile.children] == [
        "config_store",
        "greeter",
        "tray",
        "readiness",
        "state_store",
    ]
    assert profile.load_settings()
    assert profile.load(profile.documents)


def test_each_block_of_code_on_the_page_of_profiles_is_a_file_of_the_app() -> None:
    blocks = [block for block in page_blocks("docs/profiles.md") if block.language in CODE]
    assert [block.line for block in blocks if not block.file] == []


@pytest.mark.slow
@pytest.mark.node
@pytest.mark.skipif(bool(why_no_node()), reason=why_no_node() or "")
def test_the_app_of_the_pages_starts_and_does_what_they_say(tmp_path: Path) -> None:
    app, home = write_app(tmp_path / "myapp"), tmp_path / "home"
    node = Path(find_node() or "node")
    path = f"{node.parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "UNDERCROFT_OFFLINE": "1"}
    where = ["--home", str(home), "--profile", str(app)]
    up = subprocess.run(
        [*UNDERCROFT, *where, "up", "--detach"], env=environment, capture_output=True, text=True, timeout=60
    )
    assert up.returncode == 0, up.stdout + up.stderr
    try:
        with undercroft_client.connect("a-test", app="myapp", home=home) as client:
            actors = client.request(SupervisorStatusRequestEvent()).actors
            assert {actor.actor: actor.state for actor in actors} == dict.fromkeys(
                ("broker", "config_store", "greeter", "tray", "readiness", "state_store"), "ready"
            )
            client.request(RuntimeConfigRequestEvent(operation="update", updates={"stt.language": "de"}))
            assert client.request({"type": "myapp.greet"})["words"] == "hallo"
            modes = client.request(ReadinessReportRequestEvent()).snapshot.modes
            assert [mode.mode for mode in modes] == ["dictation", "assistant"]
            note = {"title": "to do", "body": ""}
            client.request(StateSaveRequestEvent(key="notes.first", value=note))
            assert client.request(StateLoadRequestEvent(key="notes.first")).value == note
            with pytest.raises(RequestFailed, match="title"):
                client.request(StateSaveRequestEvent(key="notes.second", value={"body": "no title"}))
            with pytest.raises(RequestFailed, match="may not"):
                client.request(StateSaveRequestEvent(key="diary.today", value="not mine"))
    finally:
        subprocess.run([*UNDERCROFT, *where, "down"], env=environment, capture_output=True, timeout=60)
