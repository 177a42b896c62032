"""The lines of `up --json` as a document: well-formed, shipped, and true."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import msgspec
import pytest

from schemas.contract.json_schema_export import rendered
from schemas.contract.up_lines_export import UP_LINES_FILE, up_lines_schema
from schemas.operations.supervision import ActorEnd, ActorStatus
from schemas.operations.up_lines import (
    UpDroppedLine,
    UpErrorLine,
    UpLogLine,
    UpProfileLine,
    UpSettledLine,
    UpStateLine,
    UpStoppingLine,
)

PUBLISHED = Path(__file__).parents[3] / "schemas" / "published"
END = ActorEnd(at=1.0, kind="hang", reason="hung")
LINES = [
    UpStateLine(actor="a", state="backoff", retry_seconds=1.0, last_end=END),
    UpLogLine(actor="a", at=1.0, text="hello", correlation="x:1"),
    UpSettledLine(
        ready=False,
        not_ready=["a"],
        version="1",
        profile="p",
        home="",
        pid=7,
        started_at=1.0,
        settled=True,
        actors=[ActorStatus(actor="a", state="failed")],
    ),
    UpStoppingLine(stopping="a signal asked for it"),
    UpProfileLine(fault=""),
    UpDroppedLine(dropped=7),
    UpErrorLine(type="AlreadyRunning", error="a runtime is already up", exit_code=6),
]


def test_the_shipped_file_is_what_the_lines_are() -> None:
    assert (PUBLISHED / UP_LINES_FILE).read_text(encoding="utf-8") == rendered(up_lines_schema()), (
        "run 'undercroft contract --output schemas/published'"
    )
    jsonschema.Draft202012Validator.check_schema(up_lines_schema())


@pytest.mark.parametrize("line", LINES, ids=lambda line: type(line).__name__)
def test_every_line_fits_and_none_without_a_type(line: msgspec.Struct) -> None:
    validator = jsonschema.Draft202012Validator(up_lines_schema())
    document = json.loads(msgspec.json.encode(line))
    validator.validate(document)
    del document["type"]
    assert not validator.is_valid(document)
