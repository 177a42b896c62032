"""`undercroft logs`."""

from __future__ import annotations

from typing import Any

import pytest

from actors.cli.commands.inspection.logs import belongs
from schemas.operations.supervision import LogLine

pytestmark = pytest.mark.slow


def test_the_newest_lines_of_one_actor_are_shown(running: Any) -> None:
    assert running("restart", "worker").code == 0
    lines = running("logs", "worker").out.splitlines()
    assert len(lines) >= 2
    assert all(line.endswith(" built worker") for line in lines)
    assert running("logs", "worker", "-n", "1").out.splitlines() == lines[-1:]
    assert running("logs", "worker", "-n", "0").out == ""


def test_with_json_each_line_is_a_document_with_its_actor(running: Any) -> None:
    documents = running("logs", "--json").documents
    assert {"actor", "at", "text"} <= documents[0].keys()
    assert [found["at"] for found in documents] == sorted(found["at"] for found in documents)


@pytest.mark.parametrize(("arguments", "code"), [(["nobody"], 4), (["-n", "many"], 2), (["-n", "-1"], 2)])
def test_what_cannot_be_shown_is_told_by_the_exit_code(running: Any, arguments: list[str], code: int) -> None:
    assert running("logs", *arguments).code == code


def test_the_log_of_the_supervisor_has_its_verdicts_on_all_actors() -> None:
    verdict = LogLine(actor="a", at=1.0, text="supervisor: hung; it is killed", verdict=True)
    said = LogLine(actor="supervisor", at=1.0, text="the disk is full")
    other = LogLine(actor="a", at=1.0, text="hello")
    assert [belongs(line, "supervisor") for line in (verdict, said, other)] == [True, True, False]
    assert [belongs(line, "a") for line in (verdict, said, other)] == [True, False, True]
    assert all(belongs(line, None) for line in (verdict, said, other))
