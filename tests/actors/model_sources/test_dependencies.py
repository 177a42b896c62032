"""What the actor works with comes from its profile and its environment."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from actors.model_sources.dependencies import Desk, Switch
from actors.shared.context import ActorContext
from actors.shared.credentials.source_endpoints import SourceEndpointRefused
from actors.shared.locations.locations import locate
from actors.shared.manifest.manifest_signature import PinnedKeyRefused
from actors.shared.profile.profile import read_profile
from tests.support.actor_contexts import context_without_bus


def surroundings(directory: Path, text: str = "") -> ActorContext:
    (directory / "profile.toml").write_text('name = "probe"\n' + text)
    return context_without_bus(
        name="model_sources", locations=locate("probe", directory / "home"), profile=read_profile(directory)
    )


def test_the_environment_switches_off_the_network_and_names_what_is_no_token(tmp_path: Path) -> None:
    desk = Desk.of(surroundings(tmp_path), {"UNDERCROFT_OFFLINE": "1", "HF_TOKEN": "two words"})
    assert desk.switch.is_offline()
    assert "HF_TOKEN" in desk.problems[0]
    assert Desk.of(surroundings(tmp_path, "[manifest]\nrefresh_hours = 2\n"), {}).refresh_seconds == 7200


def test_settings_switch_the_network_off_and_on() -> None:
    switch = Switch(False)
    switch.by_settings = True
    assert switch.is_offline()


def test_a_wrong_endpoint_or_key_stops_the_actor_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SourceEndpointRefused, match=r"\[sources\] hf"):
        Desk.of(surroundings(tmp_path, '[sources]\nhf = "mirror"\n'), {})
    with pytest.raises(PinnedKeyRefused):
        Desk.of(surroundings(tmp_path, '[manifest]\nurl = "https://m"\nkeys = ["AAAA"]\n'), {})


def test_what_only_some_questions_need_is_not_imported_at_the_start() -> None:
    heavy = {"httpx", "cryptography", "keyring", "pydantic", "rich"}
    code = f"import sys, actors.model_sources.actor; print(*sorted({heavy} & sys.modules.keys()))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []
