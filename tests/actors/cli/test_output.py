"""A program gets the answer as one line of JSON, a person gets text."""

from __future__ import annotations

import json

import pytest

from actors.cli.options import Target
from actors.cli.output import print_answer, print_json
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
