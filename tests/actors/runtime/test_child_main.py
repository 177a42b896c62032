"""An entry that cannot be built is told by name; a child without a supervisor leaves."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.runtime.child_main import ActorStart, EntryRefused, load_entry
from actors.shared.profile.import_names import OWN_ROOT
from bus.actor import Actor, BusContext
from bus.discovery import Runtime
from bus.lifeline import LifelineMessage, encode

NO_BUS: Any = BusContext(peer=None, tasks=None, alerts=None, metrics=None)  # type: ignore[arg-type]
MODULE = """
from bus.actor import Actor

def good(context):
    actor = Actor(context)
    actor.context = context
    return actor

def other(context):
    return 7
"""


def start(directory: Path, entry: str) -> ActorStart:
    (directory / "profile.toml").write_text('name = "a"', encoding="utf-8")
    (directory / "launch_probe.py").write_text(MODULE, encoding="utf-8")
    (directory / "launch_broken.py").write_text("import no_such_dependency", encoding="utf-8")
    categories = ("config", "state", "logs", "models", "tools", "workspace")
    return ActorStart(
        name="probe",
        entry=entry,
        path=str(directory),
        profile=str(directory),
        locations={category: str(directory / category) for category in categories},
        runtime=Runtime(app="a", pid=1, started_at=0.0, lane="", feed="", token=""),
    )


@pytest.fixture(autouse=True)
def search_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("launch_probe", "launch_broken"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def test_an_entry_builds_its_actor_from_name_locations_and_profile(tmp_path: Path) -> None:
    actor = load_entry(start(tmp_path, "launch_probe:good"))(NO_BUS)
    assert isinstance(actor, Actor)
    context = actor.context  # type: ignore[attr-defined]  # the probe keeps what it was given
    assert (context.name, context.profile.name) == ("probe", "a")
    assert context.locations.models == tmp_path / "models"


def test_an_actor_is_told_where_everything_would_lie_had_nobody_chosen(tmp_path: Path) -> None:
    begun = start(tmp_path, "launch_probe:good")
    assert load_entry(begun)(NO_BUS).context.defaults is None  # type: ignore[attr-defined]
    defaults = {category: f"/default/{category}" for category in begun.locations}
    actor = load_entry(msgspec.structs.replace(begun, defaults=defaults))(NO_BUS)
    assert actor.context.defaults.models == Path("/default/models")  # type: ignore[attr-defined]


@pytest.mark.parametrize("file", ["schemas/__init__.py", "bus/client.py", "actors.py"])
def test_a_package_of_the_app_that_ours_would_hide_is_refused(tmp_path: Path, file: str) -> None:
    begun = start(tmp_path, "launch_probe:good")
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text("")
    name = file.partition("/")[0].removesuffix(".py")
    with pytest.raises(
        EntryRefused, match=f"has a package '{name}', which Undercroft's own hides; rename it"
    ):
        load_entry(begun)


def test_undercrofts_own_directory_hides_nothing_of_itself(tmp_path: Path) -> None:
    begun = start(tmp_path, "launch_probe:good")
    own = msgspec.structs.replace(begun, path=str(OWN_ROOT))
    (tmp_path / "data" / "schemas").mkdir(parents=True)
    sys.path.append(str(tmp_path))
    assert load_entry(own)
    assert load_entry(msgspec.structs.replace(begun, path=str(tmp_path / "data")))


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("no_such_module:build", "there is no module 'no_such_module'"),
        ("launch_probe:missing", "expected a function 'missing' in launch_probe, found None"),
        ("launch_probe:other", "expected it to build an Actor, found int"),
    ],
)
def test_an_entry_that_builds_no_actor_is_told(tmp_path: Path, entry: str, words: str) -> None:
    with pytest.raises(EntryRefused, match=words) as caught:
        load_entry(start(tmp_path, entry))(NO_BUS)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_an_import_that_fails_inside_the_module_shows_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_dependency"):
        load_entry(start(tmp_path, "launch_broken:build"))(NO_BUS)


def launch() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", "-m", "actors.runtime.child_main"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_a_child_whose_supervisor_leaves_before_the_start_leaves_too() -> None:
    with launch() as child:
        out, errors = child.communicate(timeout=20)
    assert (child.returncode, out, errors) == (0, b"", b"")


def test_a_fresh_interpreter_becomes_what_its_first_message_says(tmp_path: Path) -> None:
    where = {"lane": f"ipc://{tmp_path}/lane", "feed": f"ipc://{tmp_path}/feed"}
    options = {**where, "token": "t", "roster": {}}
    with launch() as child:
        assert child.stdin is not None
        assert child.stdout is not None
        os.write(
            child.stdin.fileno(),
            encode(LifelineMessage(start={"role": "broker", "name": "broker", "options": options})),
        )
        assert b'"ready":{' in child.stdout.readline()
        os.write(child.stdin.fileno(), encode(LifelineMessage(ping=5)))
        assert child.stdout.readline() == b'{"pong":5}\n'
        child.stdin.close()
        assert child.wait(20) == 0


def test_a_wrong_entry_ends_the_process_with_one_line_and_no_traceback(tmp_path: Path) -> None:
    import msgspec

    with launch() as child:
        message = LifelineMessage(start=msgspec.to_builtins(start(tmp_path, "launch_probe:missing")))
        assert child.stdin is not None
        os.write(child.stdin.fileno(), encode(message))
        _, errors = child.communicate(timeout=20)
    assert child.returncode == 1
    assert errors.decode().startswith("entry 'launch_probe:missing': expected a function")
    assert b"Traceback" not in errors
