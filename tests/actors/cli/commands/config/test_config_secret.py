"""`undercroft config secret` on a runtime whose keychain is a file."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.actors.cli.conftest import Cli

pytestmark = pytest.mark.slow

SETTINGS = """
from pydantic import BaseModel, Field


class Cloud(BaseModel):
    api_key: str = Field(default="", max_length=40, json_schema_extra={"x-secret": True})
    region: str = "eu"


class Settings(BaseModel):
    cloud: Cloud = Field(default_factory=Cloud)
"""


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cli]:
    profile = tmp_path / "profile"
    profile.mkdir()
    (profile / "settings.py").write_text(SETTINGS)
    child = f'environment = {{ UNDERCROFT_KEYCHAIN = "file:{tmp_path}/keychain.json" }}'
    children = f'[[children]]\nname = "config_store"\nentry = "actors.config_store:build"\n{child}\n'
    (profile / "profile.toml").write_text(f'name = "cloudy"\nsettings = "settings.py:Settings"\n{children}')
    cli = Cli(tmp_path / "home", profile)
    started = subprocess.run(
        cli.command("up", "--detach"), capture_output=True, text=True, timeout=60, check=False
    )
    assert started.returncode == 0, started.stdout + started.stderr
    yield cli
    assert cli("down").code == 0


def test_a_secret_goes_to_the_keychain_and_is_shown_nowhere_else(
    cloud: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("hush-hush\n"))
    assert cloud("config", "secret", "cloud.api_key").code == 0
    assert cloud("config", "secret", "cloud.api_key", "--reveal").out == "hush-hush\n"
    assert "hush-hush" in (tmp_path / "keychain.json").read_text()
    shown = "".join(
        cloud("config", *words).out
        for words in (["list"], ["explain", "cloud"], ["export", "--all"], ["get", "cloud"])
    )
    assert "hush" not in shown
    for file in (tmp_path / "home").rglob("*"):
        assert not file.is_file() or b"hush-hush" not in file.read_bytes(), file
    assert json.loads(cloud("config", "export", "--all").out) == {"cloud": {"region": "eu"}}


def test_a_secret_is_refused_on_the_command_line_and_what_is_none_is_no_secret(
    cloud: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = cloud("config", "set", "cloud.api_key", "hush-hush")
    assert (refused.code, "undercroft config secret" in refused.err) == (2, True)
    assert cloud("config", "secret", "cloud.region").code == 2
    assert cloud("config", "secret", "cloud.api_key", "--reveal").code == 4
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n"))
    assert cloud("config", "secret", "cloud.api_key").code == 2
