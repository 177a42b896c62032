"""The parts of the JavaScript client do what their tests say: each file of `tests/clients/js`, in Node."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import subprocess
from pathlib import Path

import msgspec
import pytest

from tests.clients.conftest import ROOT, find_node, why_no_node
from tests.support.broker_processes import GUARD_SECONDS, broker_options, broker_process

FILES = sorted((Path(__file__).parent / "js").glob("*.test.mjs"))
SLOW = {"hostile"}
TIMEOUT_SECONDS = 200
WITHOUT_A_TEST = {"errors", "event_fields", "limits", "sockets", "ask_then_follow"}
"""Constants, and what `client.test.mjs` or the scenarios show over real sockets."""

pytestmark = [
    pytest.mark.node,
    pytest.mark.skipif(why_no_node() is not None, reason=str(why_no_node())),
]


@pytest.mark.requirement("C-5", "C-6")
@pytest.mark.parametrize(
    "file",
    [
        pytest.param(file, id=name, marks=[pytest.mark.slow] if name in SLOW else [])
        for file in FILES
        for name in [file.name.partition(".")[0]]
    ],
)
def test_its_tests_in_node_pass(file: Path) -> None:
    ended = subprocess.run(
        [find_node() or "", "--test", "--test-reporter=spec", str(file)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_every_module_has_a_test_of_its_own() -> None:
    modules = {path.stem for path in (ROOT / "clients" / "js").glob("*.js")}
    assert modules - WITHOUT_A_TEST <= {file.name.partition(".")[0] for file in FILES}
    assert modules >= WITHOUT_A_TEST


def test_the_package_holds_every_module_and_needs_what_it_says() -> None:
    directory = ROOT / "clients" / "js"
    package = json.loads((directory / "package.json").read_text(encoding="utf-8"))
    imported: set[str] = set()
    for path in directory.glob("*.js"):
        assert any(fnmatch.fnmatch(path.name, pattern) for pattern in package["files"])
        source = path.read_text(encoding="utf-8")
        assert "require(" not in source, f"{path.name}: the package is made of ES modules"
        imported |= set(re.findall(r'^(?:import|export)[^"]* from "([^"]+)";$', source, re.MULTILINE))
    local = {name for name in imported if name.startswith("./")}
    assert all((directory / name).is_file() for name in local)
    packages = {name for name in imported - local if not name.startswith("node:")}
    assert packages == set(package["dependencies"])
    assert package["type"] == "module"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_is_followed_is_the_state_of_the_server_in_the_end(
    seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("r")
    with broker_process(broker_options("ipc", directory)) as broker:
        file = directory / "runtime.json"
        file.touch(mode=0o600)
        file.write_bytes(msgspec.json.encode(broker.runtime()))
        story = Path(__file__).parent / "js" / "support" / "follow_story.mjs"
        ended = subprocess.run(
            [find_node() or "", str(story), "400", str(seed)],
            env={**os.environ, "UNDERCROFT_RUNTIME": str(file)},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=GUARD_SECONDS,
            check=False,
        )
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["replies"] >= 5  # once for each life of the server
