"""Pause, resume, roll back, repair, lease and collect, each against a live downloader."""

from __future__ import annotations

import os
import re
import subprocess
from typing import Any

import msgspec
import pytest

from actors.cli.commands.models.models_lifecycle import COMMANDS
from schemas.manifest import FilePromise, Manifest, ModelEntry
from tests.support.faulty_origin import FaultyOrigin
from tests.support.origin_content import BytesContent, sha256_of

pytestmark = pytest.mark.slow
NAMES = [command.name for command in COMMANDS]


@pytest.mark.requirement("S1-31", "S1-10")
def test_an_install_is_paused_and_resumed(running: Any) -> None:
    assert running("models", "install", "second", "--no-wait").code == 0
    paused = running("models", "pause", "second")
    assert paused.code == 0, paused.err
    assert re.fullmatch(r"The second model: paused, \S+ \S+ kept\n", paused.out)
    assert re.search(r"^second +paused \d+ % ", running("models", "list").out, re.MULTILINE)
    resumed = running("models", "resume", "second")
    assert resumed.code == 0, resumed.err
    assert running("models", "install", "second").code == 0
    assert running("models", "remove", "second").code == 0


def test_what_lies_beside_the_models_is_listed_and_collected_by_a_rule_only(running: Any) -> None:
    listed = running("models", "partials")
    assert listed.code == 0, listed.err
    assert listed.out.splitlines()[-1] == "no leftovers"
    without = running("models", "collect")
    assert (without.code, without.out.splitlines()[-1].split(";")[0]) == (
        0,
        "nothing was removed: no rule is set",
    )
    assert running("models", "collect", "--keep-days", "0").code == 2, (
        "0 would read as everything, and means nothing"
    )
    collected = running("models", "collect", "--keep-days", "30", "--dry-run")
    assert (collected.code, collected.out.splitlines()[-1]) == (0, "0 B would be freed")


def test_a_model_that_is_held_is_not_removed_until_it_is_given_back(running: Any) -> None:
    assert running("models", "install", "first").code == 0
    leased = running("models", "lease", "first", "--holder", "recorder", "--ttl", "300")
    assert leased.code == 0, leased.err
    directory, words = leased.out.splitlines()
    assert directory.endswith("first")
    assert "held by recorder" in running("models", "list").out
    refused = running("models", "remove", "first")
    assert refused.code == 4
    assert "recorder" in refused.err
    lease_id = words.removeprefix("lease ")
    assert running("models", "lease", "first", "--holder", "recorder", "--renew", lease_id).code == 0
    assert running("models", "release", "first", lease_id).out == "first: released\n"
    assert running("models", "release", "first", lease_id).out == "first: was not held under that lease\n"
    assert running("models", "remove", "first").code == 0


def test_what_cannot_be_rolled_back_or_repaired_is_refused(running: Any) -> None:
    assert running("models", "rollback", "first").code == 4
    assert running("models", "repair", "first").code == 4


@pytest.mark.parametrize("name", NAMES)
def test_every_command_shows_examples(absent: Any, name: str) -> None:
    assert f"Examples:\n    undercroft models {name}" in absent("models", name, "--help").out


@pytest.mark.requirement("S1-16")
def test_a_damaged_model_is_named_out_of_use_and_repaired(running: Any) -> None:
    assert running("models", "install", "first").code == 0
    file = running.home / "models" / "first" / "model.bin"
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    verdict = running("models", "verify", "first")
    assert verdict.code == 1
    assert "model.bin: sha256 is" in verdict.out
    assert "run 'undercroft models repair first'" in running("models", "list").out
    assert "damaged" in running("models", "partials").out
    repaired = running("models", "repair", "first")
    assert repaired.code == 0, repaired.err
    assert re.fullmatch(r"The first model: \w+, \S+ \S+ need no download\n", repaired.out)
    assert running("models", "install", "first").code == 0
    assert file.read_bytes() == content
    assert running("models", "remove", "first").code == 0


@pytest.mark.requirement("S1-31")
def test_what_a_cancelled_install_left_is_shown_and_goes_once_it_is_older_than_the_rule(running: Any) -> None:
    assert running("models", "install", "second", "--no-wait").code == 0
    assert running("models", "cancel", "second").code == 0
    staging = running.home / "models" / "second.partial"
    assert "second" in running("models", "partials").out
    assert running("models", "collect", "--keep-days", "1").out.splitlines()[-1] == "0 B freed"
    for path in (*staging.iterdir(), staging):
        os.utime(path, (0, 0))
    assert "wanted by nobody" in running("models", "partials").out
    planned = running("models", "collect", "--keep-days", "1", "--dry-run")
    assert planned.out.startswith("second")
    assert staging.exists()
    collected = running("models", "collect", "--keep-days", "1")
    assert (collected.code, collected.out.splitlines()[-1].endswith(" freed")) == (0, True)
    assert not staging.exists()


def test_an_update_is_rolled_back_and_forth_with_one_command_each(absent: Any, origin: FaultyOrigin) -> None:
    contents = {"1": b"old" * 1000, "2": b"new" * 2000}
    file = absent.home / "models" / "first" / "model.bin"

    def up(revision: str) -> None:
        url = origin.serve(f"/first-{revision}.bin", BytesContent(contents[revision]))
        promise = FilePromise(
            path="model.bin",
            size_bytes=len(contents[revision]),
            sha256=sha256_of(BytesContent(contents[revision])),
            urls=[url],
        )
        entry = ModelEntry(
            id="first",
            name="The first model",
            category="stt",
            licence="MIT",
            revision=revision,
            files=[promise],
        )
        (absent.profile / "models.json").write_bytes(msgspec.json.encode(Manifest(format=1, models=[entry])))
        started = subprocess.run(
            absent.command("up", "--detach"), capture_output=True, text=True, timeout=60, check=False
        )
        assert started.returncode == 0, started.stdout + started.stderr

    for revision, content in contents.items():
        up(revision)
        try:
            assert absent("models", "install", "first").code == 0
            assert file.read_bytes() == content
            if revision == "2":
                assert "revision 2, 1 can be rolled back to" in absent("models", "list").out
                back = absent("models", "rollback", "first")
                assert (back.code, back.out) == (0, "The first model: installed, revision 1\n")
                assert file.read_bytes() == contents["1"]
                assert absent("models", "rollback", "first").out.endswith("revision 2\n")
                assert file.read_bytes() == contents["2"]
        finally:
            assert absent("down").code == 0
