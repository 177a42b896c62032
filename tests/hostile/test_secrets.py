"""Secrets and credentials stay with those whom they are for."""

from __future__ import annotations

import contextlib
import json
import zipfile
from pathlib import Path

from schemas.contract.ownership import ASKED_BY_ACTORS
from tests.hostile.conftest import FRONTEND, GATEWAY, World

HUSH = "hush-hush-hush"


def test_secrets_are_revealed_to_peers_that_the_profile_names(world: World) -> None:
    update = {"operation": "update", "updates": {"cloud.api_key": HUSH}}
    with world.peer() as guest:
        kind, reply = guest.ask("config.request", update)
        assert (kind, reply["success"]) == ("REPLY", True)
    tray = world.credential_of_tray()
    for name, credential in (("", None), ("frontend", FRONTEND), ("tray", tray)):
        with world.peer(name, credential) as peer:
            kind, message = peer.ask("config.reveal_secret", {"path": "cloud.api_key"})
            assert (kind, message.partition(":")[0]) == ("refused", "not_yours")
    with world.peer("gateway", GATEWAY) as gateway:
        assert gateway.ask("config.reveal_secret", {"path": "cloud.api_key"})[1]["value"] == HUSH


def test_what_actors_ask_each_other_is_not_for_others(world: World) -> None:
    tray = world.credential_of_tray()
    for name, credential in (("", None), ("frontend", FRONTEND), ("tray", tray)):
        with world.peer(name, credential) as peer:
            for topic in sorted(ASKED_BY_ACTORS):
                kind, message = peer.ask(topic)
                assert (kind, message.partition(":")[0]) == ("refused", "not_yours")
    with world.peer("gateway", GATEWAY) as gateway:
        for topic in sorted(ASKED_BY_ACTORS):
            kind, message = gateway.ask(topic, {"type": "nonsense"})
            assert kind in ("no_responder", "invalid"), message


def test_a_credential_is_in_no_command_line_no_foreign_environment_and_no_file(world: World) -> None:
    tray_pid = world.actors()["tray"]["pid"]
    known = {world.credential_of_tray(), FRONTEND, GATEWAY}
    for pid in world.process.look():
        process = Path(f"/proc/{pid}")
        command, environment = (process / "cmdline").read_bytes(), b""
        with contextlib.suppress(PermissionError):  # root alone sees it, unless this is a command
            environment = (process / "environ").read_bytes()
        for credential in known:
            assert credential.encode() not in command
            if pid != tray_pid:
                assert credential.encode() not in environment, command
    assert FRONTEND.encode() not in Path(f"/proc/{tray_pid}/environ").read_bytes()
    for file in world.home.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert not any(credential.encode() in content for credential in known), file


def test_no_log_no_status_and_no_report_shows_a_credential(world: World, tmp_path: Path) -> None:
    secret = world.credential_of_tray()
    report = tmp_path / "report.zip"
    shown = [
        world.process.command(*words).stdout
        for words in (
            ("status", "--json"),
            ("logs", "-n", "10000", "--json"),
            ("metrics",),
            ("diagnostics", "--output", str(report)),
        )
    ]
    with zipfile.ZipFile(report) as zipped:
        shown += [zipped.read(name).decode() for name in zipped.namelist()]
    with world.peer() as guest:
        shown.append(json.dumps(guest.ask("bus.statistics")[1]))
        shown.append(repr(guest.snapshot("*")))
    assert "this is tray:<secret:" in shown[1]
    assert not any(secret in text or FRONTEND in text or GATEWAY in text for text in shown)
