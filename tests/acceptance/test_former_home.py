"""A home that version 0.1.0 left behind opens as it was: nothing in it was renamed, so nothing is lost.

`tests/data/home-0.1.0.tar.gz` was written by that version: a changed setting, plain and encrypted state, a
document, an encrypted history, an installed model, an install under way, two backups, and a keychain file.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import undercroft_client
from actors.shared.profile.profile import find_profile
from tests.acceptance.conftest import Start
from undercroft_client import Client
from undercroft_client.events import (
    BackupsListRequestEvent,
    BackupsVerifyRequestEvent,
    DocumentReadRequestEvent,
    HistorySearchRequestEvent,
    ModelsListRequestEvent,
    ModelVerifyRequestEvent,
    RuntimeConfigRequestEvent,
    StateLoadRequestEvent,
)

pytestmark = pytest.mark.slow
ARCHIVE = Path(__file__).parents[1] / "data" / "home-0.1.0.tar.gz"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    monkeypatch.setenv("UNDERCROFT_KEYCHAIN", f"file:{tmp_path / 'keychain.json'}")
    monkeypatch.setenv("UNDERCROFT_OFFLINE", "1")
    return tmp_path / "home"


@pytest.fixture
def client(home: Path, start: Start) -> Iterator[Client]:
    settled = start(find_profile("dictation"), home).wait_settled()
    assert {actor["state"] for actor in settled["actors"]} == {"ready"}
    with undercroft_client.connect("a-newer-app", home=home) as found:
        yield found


@pytest.mark.requirement("S0-19", "S3-25")
def test_a_home_of_the_first_version_opens_with_everything_that_was_in_it(home: Path, client: Client) -> None:
    settings = client.request(RuntimeConfigRequestEvent(operation="get_effective")).settings
    assert settings["vad"]["sensitivity"] == 0.8
    assert settings["history"]["persistence_mode"] == "disk"

    assert client.request(StateLoadRequestEvent(key="config.greeting")).value == "hello from 0.1.0"
    assert client.request(StateLoadRequestEvent(key="config.secret")).value == "kept under a key"
    aliases = client.request(DocumentReadRequestEvent(type_name="DictationAliasData")).value["aliases"]
    assert aliases == [{"alias": "my mail", "text": "me@example.org"}]

    found = client.request(HistorySearchRequestEvent(words="sentence"))
    while not found.complete:
        found = client.request(HistorySearchRequestEvent(words="sentence"))
    assert sorted(hit.entry.text for hit in found.hits) == ["sentence 0", "sentence 1", "sentence 2"]

    models = {model.model_id: model for model in client.request(ModelsListRequestEvent()).models}
    assert models["old-voice"].state == "installed"
    assert models["silero-vad"].state not in ("absent", "installed"), "the wish of an install goes on"
    assert client.request(ModelVerifyRequestEvent(model_id="old-voice")).findings == []

    backups = client.request(BackupsListRequestEvent()).backups
    assert {backup.name for backup in backups} >= {"after"}
    assert client.request(BackupsVerifyRequestEvent()).faults == []

    put_aside = [path.name for path in home.rglob("*") if ".corrupt" in path.name]
    assert put_aside == []
