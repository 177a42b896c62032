"""`undercroft call` asks what nobody wrote a command for."""

from __future__ import annotations

import io
import json
import sys

import pytest

from actors.cli.commands.development.call import readable
from tests.actors.cli.conftest import Cli

pytestmark = pytest.mark.timeout(120)


def test_a_reply_is_printed_for_a_person_and_for_a_program(running: Cli) -> None:
    request = '{"operation": "get_effective"}'
    shown = running("call", "config.request", request)
    assert (shown.code, json.loads(shown.out)["success"]) == (0, True)
    assert len(shown.out.splitlines()) > 5
    (document,) = running("call", "config.request", request, "--json").documents
    assert document["type"] == "config.response"


def test_the_fields_may_come_from_stdin(running: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"operation": "get_effective"}'))
    assert running("call", "config.request", "-").code == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["app.nobody"], 1, "nobody serves app.nobody"),
        (["state.save", '{"expectedRevision": 3}'], 4, "write 'expected_revision'"),
        (["no topic"], 4, "expected a topic"),
        (["supervision.status", "--timeout", "0"], 2, "timeout"),
    ],
)
def test_each_failure_has_its_code(words: list[str], code: int, said: str, running: Cli) -> None:
    ended = running("call", *words)
    assert ended.code == code
    assert said in ended.err


def test_without_a_runtime_it_says_so(absent: Cli) -> None:
    assert absent("call", "supervision.status").code == 3


def test_what_steers_a_terminal_is_escaped() -> None:
    assert "\x1b" not in readable({"a": "\x1b[31m"})
    assert json.loads(readable({"a": [1, {"b": None}]})) == {"a": [1, {"b": None}]}
