"""`up --reload`: an edit is in effect a moment later, and nothing else is disturbed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from actors.cli.scaffold.app_scaffold import AppScaffold
from tests.acceptance.conftest import Start
from tests.support.runtime_process import RuntimeProcess, within

pytestmark = pytest.mark.slow


def greeting(runtime: RuntimeProcess) -> str:
    answer = runtime.command("call", "myapp.greet")
    return str(json.loads(answer.stdout)["words"]) if answer.returncode == 0 else ""


def starts_of(runtime: RuntimeProcess) -> dict[str, int]:
    actors = json.loads(runtime.command("status", "--json").stdout)["actors"]
    return {actor["actor"]: actor["restarts"] for actor in actors}


def test_edits_reach_what_runs_them(tmp_path: Path, start: Start) -> None:
    app = tmp_path / "myapp"
    for path, content in AppScaffold("myapp").files().items():
        (app / path).parent.mkdir(parents=True, exist_ok=True)
        (app / path).write_text(content, encoding="utf-8")
    runtime = start(app, tmp_path / "home", "--reload")
    runtime.wait_settled()
    assert greeting(runtime) == "hello"
    before = starts_of(runtime)
    for words in ("good day", "good eve"):  # two edits of one length, perhaps within one second
        source = (app / "src" / "greeter.py").read_text(encoding="utf-8")
        former = "hello" if words == "good day" else "good day"
        (app / "src" / "greeter.py").write_text(source.replace(f'"{former}"', f'"{words}"'), encoding="utf-8")
        assert within(30, lambda words=words: greeting(runtime) == words)
    after = starts_of(runtime)
    assert after.pop("greeter") >= before.pop("greeter") + 1
    assert after == before
    assert "greeter is started again: src/greeter.py changed" in runtime.command("logs", "supervisor").stdout
    assert runtime.end() == 0
