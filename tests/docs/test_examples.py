"""What the pages show works as it stands there."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from actors.readiness.snapshot.availability import ReadinessDeclaration, chosen_model
from actors.readiness.snapshot.readiness_facts import ReadinessFacts
from actors.readiness.wording import WordingTables
from actors.shared.locations.locations import locate
from actors.shared.manifest import parse_manifest
from actors.shared.profile.profile import Profile, find_profile, read_profile
from actors.shared.sdk import run_actor
from actors.state_store import build
from actors.state_store.documents.document_types import document_kinds
from actors.state_store.engine.namespaces import Namespaces
from actors.state_store.engine.values.value_schemas import ValueMismatch, schemas_of_profile
from bus.broker.memory_bus import memory_bus
from schemas.config import SettingsChangedEvent
from tests.support.actor_contexts import context_without_bus
from tests.support.app_of_pages import write_app

ROOT = Path(__file__).parents[2]


def code(page: str, language: str, containing: str) -> str:
    """The first block of code on a page that contains these words."""
    blocks = re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    return next(block for block in blocks if containing in block)


def command(page: str, name: str) -> list[str]:
    """The words of the first example of a command that a page has in its text."""
    found = re.search(rf"`undercroft ({name}[^`\n]*)`", (ROOT / page).read_text(encoding="utf-8"))
    assert found is not None
    return shlex.split(found[1])


def profile_of_page(directory: Path, containing: str) -> Profile:
    """A profile that has nothing but what one block of its page declares."""
    (directory / "profile.toml").write_text(
        'name = "myapp"\n' + code("docs/profiles.md", "toml", containing), encoding="utf-8"
    )
    return read_profile(directory)


def load(name: str, source: str, directory: Path) -> ModuleType:
    """Import source as a module."""
    (directory / f"{name}.py").write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, directory / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.anyio
async def test_the_actor_of_the_page_greets_in_the_language_of_the_settings(tmp_path: Path) -> None:
    greeter = load("greeter", code("docs/actors.md", "python", "class Greeter"), tmp_path)
    try:
        async with memory_bus(namespaces=["myapp.*"]) as bus, bus.connect("app") as app:
            settings = {"stt": {"language": "de"}}
            await app.publish(SettingsChangedEvent(changed={}, settings=settings, revision=1, reason="start"))
            await app.settled()
            async with run_actor(greeter.build, tmp_path, bus=bus, name="greeter") as running:
                while running.actor.language != "de":
                    await asyncio.sleep(0)
                assert (await running.request(greeter.GreetRequestEvent())).words == "hallo"
    finally:
        del sys.modules["greeter"]


def test_the_tests_of_the_page_run_in_a_project_of_their_own(tmp_path: Path) -> None:
    """Every block of the page lies where it says, under a pytest that knows nothing of this project."""
    page = (ROOT / "docs/actors.md").read_text(encoding="utf-8")
    blocks = dict(re.findall(r"```python\n# (\S+)\n(.*?)```", page, re.DOTALL))
    assert set(blocks) == {"src/greeter.py", "conftest.py", "tests/test_greeter.py", "tests/test_visitor.py"}
    for name, source in blocks.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(source, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = src\nfilterwarnings = error\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_an_author_imports_from_the_sdk_and_the_contract_only() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/actors.md").read_text("utf-8"), re.DOTALL)
    blocks.append(code("README.md", "python", "class Greeter"))
    imported = {
        name
        for block in blocks
        for name in re.findall(r"^\s*(?:from|import) ((?:actors|bus|schemas)[\w.]*)", block, re.MULTILINE)
    }
    assert imported == {"actors.shared.sdk"}


@pytest.mark.anyio
async def test_the_profile_of_the_page_is_read(tmp_path: Path) -> None:
    profile = read_profile(write_app(tmp_path))
    assert [child.name for child in profile.children][:3] == ["config_store", "greeter", "tray"]
    assert profile.allowlist == ("vad.*", "stt.*", "ui.ready_toast", "assistant.enabled")
    assert profile.load_settings().model_validate({}).vad.sensitivity == 0.5  # type: ignore[attr-defined]  # the model is made by the page


def test_every_actor_of_the_bundled_profile_is_on_the_page_and_can_be_imported() -> None:
    listed = re.findall(
        r"^\| `(actors\.\w+:build)` \|", (ROOT / "docs/profiles.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    bundled = [child.entry for child in read_profile(find_profile("dictation")).children]
    assert set(bundled) <= set(listed)
    for entry in listed:
        module, _, attribute = entry.partition(":")
        assert callable(getattr(importlib.import_module(module), attribute))


def test_the_modes_of_the_page_are_read_with_their_words(tmp_path: Path) -> None:
    profile = profile_of_page(tmp_path, "[[modes]]")
    declared, wordings = (
        ReadinessDeclaration.of(profile),
        WordingTables.of(profile.wording, profile.directory),
    )
    facts = ReadinessFacts()
    assert [mode.name for mode in declared.modes] == ["dictation", "assistant"]
    assert chosen_model("stt", facts, declared.table) == "my-model"
    assert wordings.choose("en").say("toast") == "Go ahead."
    assert wordings.choose("en").notice("raw_output") != "raw_output", "the notice has words"


def test_the_signed_manifest_of_the_page_is_read(tmp_path: Path) -> None:
    profile = profile_of_page(tmp_path, "[manifest]")
    assert (profile.manifest.refresh_hours, profile.sources.hf) == (24, "https://hub.example.org")


def test_the_state_of_the_page_is_kept_as_it_says(tmp_path: Path) -> None:
    profile = read_profile(write_app(tmp_path))
    build(
        context_without_bus(name="state_store", locations=locate("myapp", tmp_path / "home"), profile=profile)
    )  # nothing of it is refused
    schemas, namespaces = schemas_of_profile(profile), Namespaces(profile.state_namespaces)
    assert schemas.migrate("notes.py:Note", 1, {"name": "a", "text": "b"}) == {"title": "a", "body": "b"}
    with pytest.raises(ValueMismatch, match="title: Field required"):
        schemas.check("notes.py:Note", {})
    assert [namespaces.of("diary.today").may(verb, "search") for verb in ("read", "write")] == [True, False]
    assert namespaces.of("diary.today").may("write", "journal-2")
    assert namespaces.of("diary.today").encrypt
    kind = document_kinds(profile.load(profile.documents))["TodoData"]
    default = kind.default()
    assert default.items == ()
    assert kind.handed_out(default) is default, "frozen at every depth: shared, not copied"


@pytest.mark.anyio
async def test_the_manifest_of_the_readme_is_read_once_its_digest_is_whole(tmp_path: Path) -> None:
    text = code("README.md", "json", '"models"').replace("be07e048...", "be07e048" * 8)
    assert parse_manifest(text.encode(), "README.md").models[0].id == "my-model"


@pytest.mark.slow
def test_the_python_sidecar_of_the_readme_asks_and_listens(tmp_path: Path) -> None:
    """It runs against a real runtime, until it has heard a first event."""
    home = {**os.environ, "UNDERCROFT_HOME": str(tmp_path)}
    undercroft = [sys.executable, "-P", "-m", "actors"]
    source = code("README.md", "python", "my-sidecar").replace(
        "        print(event)", "        print(event)\n        break"
    )
    subprocess.run([*undercroft, "up", "--detach"], env=home, check=True, capture_output=True, timeout=60)
    try:
        heard = subprocess.run(
            [sys.executable, "-c", source], env=home, capture_output=True, text=True, timeout=60
        )
        for example in (
            command("README.md", "config set vad"),
            command("README.md", "state set"),
            ["status"],
            ["metrics"],
            ["config", "list"],
        ):
            done = subprocess.run(
                [*undercroft, *example], env=home, capture_output=True, text=True, timeout=60
            )
            assert done.returncode == 0, f"{example}: {done.stdout}{done.stderr}"
    finally:
        subprocess.run([*undercroft, "down"], env=home, check=True, capture_output=True, timeout=60)
    assert heard.returncode == 0, heard.stderr
    reply, event = heard.stdout.splitlines()
    assert reply == "0.5"
    assert event.startswith(
        ("SettingsChangedEvent(", "ModelStateChangedEvent(", "ModelCatalogueChangedEvent(")
    )
