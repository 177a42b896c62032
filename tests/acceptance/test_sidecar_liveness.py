"""Programs beside a real runtime: where they run, what they find, and what becomes of one that hangs."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import Start
from tests.clients.conftest import find_node, why_no_node
from tests.support.profiles import write_profile
from tests.support.runtime_process import RuntimeProcess, within

pytestmark = pytest.mark.slow

PYTHON = """
import pathlib, sys, time
from undercroft_client import connect

mark = pathlib.Path(sys.argv[1]) / "hung-once"
with connect("tray") as client:
    if not mark.exists():
        mark.touch()
        while True:
            time.sleep(60)
    for event in client.subscribe("config.*"):
        pass
"""
NODE = """
import { existsSync, writeFileSync } from "node:fs";
import { connect } from "CLIENT";

const client = await connect({ name: "tray" });
if (!existsSync(process.argv[2] + "/hung-once")) {
  writeFileSync(process.argv[2] + "/hung-once", "");
  for (;;) {}
}
for await (const event of await client.subscribe("config.*")) void event;
"""
TELLING = """
import json, os, pathlib, sys
told = [os.getcwd(), sys.argv[2], os.environ["PLACE"], sys.executable]
pathlib.Path(sys.argv[1]).write_text(json.dumps(told))
"""
CLIENT = Path(__file__).parents[2] / "clients" / "js" / "index.js"


def status_of_tray(runtime: RuntimeProcess) -> dict[str, Any]:
    actors = json.loads(runtime.command("status", "--json").stdout)["actors"]
    found: dict[str, Any] = next(actor for actor in actors if actor["actor"] == "tray")
    return found


def languages() -> list[Any]:
    reason = why_no_node()
    node = pytest.mark.skipif(bool(reason), reason=reason or "")
    return [
        pytest.param("{python}", "tray.py", PYTHON, id="python"),
        pytest.param("node", "tray.mjs", NODE, id="node", marks=node),
    ]


@pytest.mark.parametrize(("program", "file", "source"), languages())
def test_a_program_that_hangs_is_ended_and_started_again(
    program: str, file: str, source: str, tmp_path: Path, start: Start
) -> None:
    program = program if program != "node" else str(find_node())
    tray = {
        "name": "tray",
        "command": [program, file, "{profile}"],
        "ready": "hello",
        "heartbeat_timeout_seconds": 2.0,
        "intensity": 1000,
    }
    app = write_profile(tmp_path / "app", tray, modules={file: source.replace("CLIENT", CLIENT.as_uri())})
    runtime = start(app)
    runtime.wait_settled()
    assert within(30, lambda: status_of_tray(runtime)["restarts"] >= 1)
    assert within(30, lambda: status_of_tray(runtime)["state"] == "ready")
    assert "hung: no answer to a ping for 2 s" in runtime.command("logs", "supervisor").stdout
    assert runtime.end() == 0


def test_a_program_runs_where_its_profile_says(tmp_path: Path, start: Start) -> None:
    app, told = tmp_path / "app", tmp_path / "told"
    (app / "side").mkdir(parents=True)
    teller = {
        "name": "teller",
        "command": ["{python}", "teller.py", str(told), "--at={home}/x"],
        "cwd": "side",
        "restart": "temporary",
    }
    place = '[children.environment]\nPLACE = "{profile}"'
    write_profile(app, teller, tables=place, modules={"side/teller.py": TELLING})
    runtime = start(app)
    runtime.wait_settled()
    assert within(30, told.is_file)
    assert within(30, lambda: bool(told.read_text()))
    assert json.loads(told.read_text()) == [
        str(app / "side"),
        f"--at={tmp_path / 'home'}/x",
        str(app),
        sys.executable,
    ]
    assert os.getcwd() != str(app)
    assert runtime.end() == 0
