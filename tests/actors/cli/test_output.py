"""A program gets the answer as one line of JSON, a person gets text."""

from __future__ import annotations

import json

import msgspec
import pytest

from actors.cli.options import Target
from actors.cli.output import json_line, print_answer, print_json
from schemas.operations.supervision import ActorStatus

STATUS = ActorStatus(actor="a", state="ready", reason="two\nlines")


def test_a_document_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_json(STATUS)
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["reason"] == "two\nlines"


def test_a_program_gets_the_answer_and_a_person_the_text(capsys: pytest.CaptureFixture[str]) -> None:
    print_answer(Target(as_json=True), STATUS, "text")
    print_answer(Target(), STATUS, "text")
    document, text = capsys.readouterr().out.splitlines()
    assert document.startswith('{"actor":"a"')
    assert text == "text"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"a": msgspec.msgpack.Ext(5, b"xx")}, '{"a":{"ext":5,"data":"eHg="}}'),
        ({(1, 2): [{True: None}]}, '{"(1, 2)":[{"True":null}]}'),
        ({"a": {("x",): float("inf")}, "b": b"x"}, '{"a":{"(\'x\',)":null},"b":"eA=="}'),
        ({"a": "\x1b[2J\x9b\u202e"}, '{"a":"\\u001b[2J\\u009b\\u202e"}'),
        ({"a": "\udc80"}, '{"a":"\\udc80"}'),
        ({1: STATUS.state, "n": 2**70}, '{"1":"ready","n":1180591620717411303424}'),
    ],
)
def test_whatever_a_peer_sent_is_shown_as_json(value: object, shown: str) -> None:
    assert json_line(value) == shown


def test_what_is_no_value_at_all_or_nested_too_deep_is_shown_too() -> None:
    nested: list[object] = []
    for _ in range(100_000):
        nested = [nested]
    assert json.loads(json_line(nested)) == "nested too deep to be shown"
    assert json.loads(json_line({(1,): object})) == {"(1,)": "<class 'object'>"}
    assert json.loads(json_line({(1,): STATUS}))["(1,)"]["actor"] == "a"
