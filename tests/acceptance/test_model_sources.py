"""From a name to a verified model on disk, with a hub and a registry on the loopback interface."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.http_servers import (
    Site,
    add_image,
    add_realm,
    add_repository,
    public_key_text,
    running_site,
)
from tests.support.profiles import MANY_RESTARTS, bundled, write_counter_profile
from tests.support.runtime_process import RuntimeProcess, within
from tests.support.signed_manifests import ENTRY, KEY, signed

pytestmark = pytest.mark.slow

SOURCES = """
[sources]
ollama = "{url}"

[manifest]
url = "{url}/models.json"
keys = ["{key}"]
refresh_hours = 0
"""
WEIGHTS = bytes(range(256)) * 4096
SECRET = "hf_secret_of_the_test"


@pytest.fixture
def site() -> Iterator[Site]:
    with running_site() as found:
        yield found


@pytest.fixture
def runtime(tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[RuntimeProcess]:
    monkeypatch.setenv("HF_TOKEN", SECRET)
    monkeypatch.setenv("HF_ENDPOINT", site.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("UNDERCROFT_KEYCHAIN", f"file:{tmp_path / 'keychain.json'}")
    site.put("/models.json", signed(7, now=time.time()))
    profile = write_counter_profile(
        tmp_path / "profile",
        [],
        bundled("model_sources", intensity=MANY_RESTARTS),
        tables=SOURCES.format(url=site.url, key=public_key_text(KEY)),
    )
    found = RuntimeProcess(tmp_path / "home", profile)
    try:
        found.wait_settled()
        yield found
        found.end()
    finally:
        found.clean_up()


def run(runtime: RuntimeProcess, *arguments: str) -> Any:
    done = runtime.command("models", *arguments, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def known(runtime: RuntimeProcess) -> dict[str, Any]:
    return {status["model_id"]: status for status in run(runtime, "list")["models"]}


@pytest.mark.requirement("S1-34", "S1-38", "S1-39")
def test_models_that_a_person_names_are_installed_from_a_hub_a_registry_and_a_stick(
    runtime: RuntimeProcess, site: Site, tmp_path: Path
) -> None:
    add_repository(
        site,
        "org/voice",
        {"voice.onnx": WEIGHTS, "config.json": b"{}"},
        large=("voice.onnx",),
        pipeline_tag="text-to-speech",
    )
    realm = add_realm(site, wanted=f"Bearer {SECRET}")
    add_image(
        site, "library/chat", "small", [("application/vnd.ollama.image.model", WEIGHTS, {})], realm=realm
    )
    stick = tmp_path / "stick" / "ears.bin"
    stick.parent.mkdir()
    stick.write_bytes(WEIGHTS[::-1])

    for name, model_id, file in (
        ("hf:org/voice", "voice", "voice.onnx"),
        ("ollama:chat:small", "chat-small", "model.gguf"),
        (f"file:{stick}", "ears", "ears.bin"),
    ):
        assert run(runtime, "add", name)["entry"]["id"] == model_id
        assert within(5, lambda: known(runtime).get(model_id, {}).get("state") == "absent")  # noqa: B023
        assert run(runtime, "install", model_id)["state"] == "installed"
        assert (runtime.home / "models" / model_id / file).read_bytes() in (WEIGHTS, WEIGHTS[::-1])

    held = (
        "".join(path.read_text(errors="replace") for path in (runtime.home / "state").rglob("*.json"))
        + (runtime.home / "stderr.log").read_text()
    )
    assert "hf:org/voice" in held
    assert SECRET not in held


def test_what_was_added_outlives_a_kill_of_its_actor_and_of_the_runtime(
    runtime: RuntimeProcess, tmp_path: Path
) -> None:
    (tmp_path / "ears.bin").write_bytes(WEIGHTS)
    run(runtime, "add", f"file:{tmp_path}/ears.bin")
    pid = runtime.pid_of("uc-model_source")  # the kernel keeps 15 letters
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert not run(runtime, "add", f"file:{tmp_path}/ears.bin")["is_new"], (
        "the request waits for the actor, which knows it still"
    )
    runtime.kill()
    again = RuntimeProcess(runtime.home, tmp_path / "profile")
    try:
        again.wait_settled()
        assert within(10, lambda: "ears" in known(again))
        again.end()
    finally:
        again.clean_up()


@pytest.mark.requirement("S1-34")
def test_a_licence_has_to_be_accepted_first_and_a_signed_manifest_is_in_force(
    runtime: RuntimeProcess, site: Site
) -> None:
    assert within(10, lambda: ENTRY.id in known(runtime))
    assert run(runtime, "refresh") == {
        "type": "models.manifest_refreshed",
        "outcome": "unchanged",
        "version": 7,
        "message": "version 7 of the manifest is the newest",
    }
    site.put("/models.json", signed(6))
    refused = runtime.command("models", "refresh")
    assert refused.returncode == 1
    assert "older than 7" in refused.stdout

    add_repository(
        site,
        "org/gated",
        {"gated.onnx": WEIGHTS},
        large=("gated.onnx",),
        gated="manual",
        cardData={"license": "community"},
    )
    run(runtime, "add", "hf:org/gated")
    assert within(10, lambda: known(runtime).get("gated", {}).get("licence_due") is True)
    before = runtime.command("models", "install", "gated")
    assert before.returncode != 0, before.stdout
    assert "licence" in before.stdout + before.stderr
    assert run(runtime, "accept", "gated")["licence"] == "community"
    assert within(10, lambda: known(runtime)["gated"]["licence_due"] is False)
    assert run(runtime, "install", "gated")["state"] == "installed"
