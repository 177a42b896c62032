"""Every command and code block of README and docs runs as written, or says in a comment why it cannot."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from actors.cli.main import undercroft
from actors.cli.options import Target
from actors.shared.profile.profile import read_profile
from tests.support.doc_blocks import Block, blocks_of, inline_commands

ROOT = Path(__file__).parents[2]
LIMIT_SECONDS = 60.0
FOLLOW_SECONDS = 2.0
PAGES = sorted(
    page.relative_to(ROOT).as_posix()
    for page in (
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "deploy" / "README.md",
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "clients").glob("*/README.md"),
    )
)
BLOCKS = [block for page in PAGES for block in blocks_of(page, (ROOT / page).read_text(encoding="utf-8"))]
PROSE = ("", "text", "mermaid")
"""Languages that nobody runs."""

OWN_TESTS = {
    "README.md": "tests/docs/test_examples.py",
    "clients/js/README.md": "tests/clients/test_readmes.py",
    "clients/python/README.md": "tests/clients/test_readmes.py",
    "docs/actors.md": "tests/docs/test_app_of_the_pages.py",
    "docs/model-lifecycle.md": "tests/docs/test_lease_example.py",
    "docs/profiles.md": "tests/docs/test_app_of_the_pages.py",
}
"""Pages whose Python and JavaScript has a test that also looks at what it does."""


@dataclass
class Sandbox:
    """A directory in which commands of a page run, beside a runtime with the bundled profile."""

    directory: Path
    environment: dict[str, str]

    def run(self, *words: str, seconds: float = LIMIT_SECONDS) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words,
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def follow(self, command: str) -> None:
        """Run what goes on until Ctrl-C, and press it after a while."""
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            said, _ = process.communicate(timeout=FOLLOW_SECONDS)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            said, _ = process.communicate(timeout=LIMIT_SECONDS)
        assert process.returncode in (0, 130), f"{command}: {process.returncode}: {said}"
        assert "Traceback" not in said


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    directory = tmp_path_factory.mktemp("pages")
    programs = directory / "bin"
    programs.mkdir()
    for name, module in (("undercroft", "actors"), ("python", "")):
        words = shlex.join([sys.executable, "-P", *(("-m", module) if module else ())])
        (programs / name).write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        (programs / name).chmod(0o755)
    files = Path(__file__).with_name("files")
    if files.is_dir():
        shutil.copytree(files, directory, dirs_exist_ok=True)
    environment = {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "UNDERCROFT_HOME": str(directory / "home"),
        "UNDERCROFT_KEYCHAIN": f"file:{directory / 'keychain.json'}",
        "UNDERCROFT_OFFLINE": "1",
        "EDITOR": "true",
        "NO_COLOR": "1",
    }
    found = Sandbox(directory, environment)
    started = found.run("undercroft", "up", "--detach")
    assert started.returncode == 0, started.stdout + started.stderr
    yield found
    found.run("undercroft", "down")


def _named(block: Block) -> str:
    return f"{block.page}:{block.line}"


def test_a_block_that_is_not_run_says_why() -> None:
    silent = [_named(block) for block in BLOCKS if block.comment.startswith("not run") and not block.why_not]
    assert silent == []


def test_a_block_has_a_language_that_is_known_here() -> None:
    known = {*PROSE, "console", "python", "js", "toml", "json"}
    assert {_named(block): block.language for block in BLOCKS if block.language not in known} == {}


def test_commands_are_marked_as_such() -> None:
    plain = [
        _named(block)
        for block in BLOCKS
        if block.language in ("", "text")
        and re.search(r"^(undercroft|make|pip|uv) ", block.text, re.MULTILINE)
    ]
    assert plain == [], "use ```console, and '$ ' in front of each command"


@pytest.mark.slow
@pytest.mark.parametrize(
    "block",
    [block for block in BLOCKS if block.language == "console" and not block.why_not],
    ids=_named,
)
def test_commands_run_as_written(block: Block, sandbox: Sandbox) -> None:
    assert block.commands, "there is no command behind a prompt"
    for command in block.commands:
        if block.is_endless:
            sandbox.follow(command)
            continue
        done = sandbox.run("bash", "-c", command)
        assert done.returncode == block.exit_code, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "block",
    [
        block
        for block in BLOCKS
        if block.language == "python" and not block.why_not and block.page not in OWN_TESTS
    ],
    ids=_named,
)
def test_python_runs_as_written(block: Block, sandbox: Sandbox) -> None:
    path = sandbox.directory / (block.file or "block.py")
    path.write_text(block.text, encoding="utf-8")
    done = sandbox.run("python", str(path))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", OWN_TESTS)
def test_a_page_with_a_test_of_its_own_is_read_there(page: str) -> None:
    test = (ROOT / OWN_TESTS[page]).read_text(encoding="utf-8")
    assert page.rpartition("/")[2] in test


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "json"], ids=_named)
def test_json_is_json(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "toml"], ids=_named)
def test_what_a_profile_may_hold_is_taken(block: Block, tmp_path: Path) -> None:
    tables = tomllib.loads(block.text)
    head = "" if "name" in tables else 'name = "myapp"\n'
    (tmp_path / "profile.toml").write_text(head + block.text, encoding="utf-8")
    read_profile(tmp_path)


INLINE = sorted(
    {
        (page, line)
        for page in PAGES
        if page != "docs/requirements.md"  # names commands that are not there yet
        for line in inline_commands((ROOT / page).read_text(encoding="utf-8"))
    }
)


@pytest.mark.parametrize(("page", "line"), INLINE, ids=lambda value: str(value))
def test_commands_in_the_text_exist_with_their_options(page: str, line: str) -> None:
    """They are looked up, not run: each word is a command, each option is one of it."""
    words = shlex.split(line.replace("...", ""))[1:]
    command: click.Command = undercroft
    context = click.Context(command, info_name="undercroft", obj=Target())
    while words and isinstance(command, click.Group):
        if words[0].startswith("-"):
            break
        alternatives = words.pop(0)
        if "|" in alternatives:
            break
        found = command.get_command(context, alternatives)
        assert found is not None, f"{page}: `{line}`: there is no command {alternatives!r}"
        command, context = found, click.Context(found, info_name=alternatives, parent=context, obj=Target())
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    parents = {name for parent in (undercroft.params,) for parameter in parent for name in parameter.opts}
    for word in words:
        name = word.partition("=")[0]
        if name.startswith("--"):
            assert name in options | parents | {"--help"}, f"{page}: `{line}`: there is no option {name}"
