"""`undercroft config secret` on a runtime whose keychain is a file."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.actors.cli.commands.config.conftest import OPERATOR
from tests.actors.cli.conftest import Cli

pytestmark = pytest.mark.slow


def test_a_secret_goes_to_the_keychain_and_is_shown_nowhere_else(
    cloud: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("hush-hush\n"))
    assert cloud("config", "secret", "cloud.api_key").code == 0
    guest = cloud("config", "secret", "cloud.api_key", "--reveal")
    assert (guest.code, "hush" in guest.out + guest.err) == (4, False)
    monkeypatch.setenv("UNDERCROFT_CREDENTIAL", f"operator:{OPERATOR}")
    assert cloud("config", "secret", "cloud.api_key", "--reveal").out == "hush-hush\n"
    monkeypatch.setenv("UNDERCROFT_CREDENTIAL", f"operator:{OPERATOR[1:]}x")
    assert cloud("config", "secret", "cloud.api_key", "--reveal").code == 4
    monkeypatch.delenv("UNDERCROFT_CREDENTIAL")
    assert "hush-hush" in (tmp_path / "keychain.json").read_text()
    shown = "".join(
        cloud("config", *words).out
        for words in (["list"], ["explain", "cloud"], ["export", "--all"], ["get", "cloud"])
    )
    assert "hush" not in shown
    for file in (tmp_path / "home").rglob("*"):
        assert not file.is_file() or b"hush-hush" not in file.read_bytes(), file
    assert json.loads(cloud("config", "export", "--all").out) == {
        "cloud": {"region": "eu"},
        "theme": "system",
    }


def test_a_secret_is_refused_on_the_command_line_and_what_is_none_is_no_secret(
    cloud: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = cloud("config", "set", "cloud.api_key", "hush-hush")
    assert (refused.code, "undercroft config secret" in refused.err) == (2, True)
    assert cloud("config", "secret", "cloud.region").code == 2
    assert cloud("config", "secret", "cloud.api_key", "--reveal").code == 4
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n"))
    assert cloud("config", "secret", "cloud.api_key").code == 2
