"""The fixture for authors of actors. tests/docs/test_examples.py loads it in a project of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from actors.shared.sdk import RunActor
from actors.shared.sdk.fixtures import run_actor as run_actor
from tests.actors.shared.sdk.test_running_actor import OWN, NotedEvent, Notes, NotesRequestEvent


@pytest.mark.anyio
async def test_the_fixture_keeps_all_files_below_the_directory_of_the_test(
    run_actor: RunActor, tmp_path: Path
) -> None:
    async with run_actor(Notes, namespaces=OWN) as running:
        await running.publish(NotedEvent(text="one"))
        assert running.actor.file.is_relative_to(tmp_path)
    async with run_actor(Notes, namespaces=OWN, name="notes") as next_life:
        assert (await next_life.request(NotesRequestEvent())).texts == ["one"]
        assert next_life.context.name == "notes"


def test_the_sdk_does_not_import_pytest() -> None:
    source = "import sys, actors.shared.sdk; sys.exit('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", source]).returncode == 0
