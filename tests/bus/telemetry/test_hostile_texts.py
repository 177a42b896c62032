"""Whatever others wrote: no record, alert, line of a child, failure or log file carries what steers."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from actors.diagnostics.logs.log_files import LogFiles
from bus.error_words import in_words
from bus.telemetry.alert_book import AlertBook
from bus.telemetry.log_handler import ECHO, line_of
from schemas.operations.logs import LogRecord
from tests.support.hostile_texts import HOSTILE, is_inert


@pytest.mark.parametrize("name", HOSTILE)
def test_an_alert_is_clean(name: str) -> None:
    text = HOSTILE[name]()
    alert = AlertBook("engine").raise_alert("broken", "x", "warning", text, text, 0.0)
    assert is_inert(alert.message + alert.advice)
    msgspec.msgpack.encode(alert)


@pytest.mark.parametrize("name", HOSTILE)
def test_an_error_in_words_is_one_clean_line(name: str) -> None:
    found = in_words(ValueError(HOSTILE[name]()))
    assert is_inert(found)
    assert "\n" not in found


@pytest.mark.parametrize("name", HOSTILE)
def test_a_log_file_has_one_line_for_a_record_whatever_it_says(tmp_path: Path, name: str) -> None:
    text = HOSTILE[name]().encode("utf-8", "replace").decode()[:100_000]
    record = LogRecord(actor="engine", at=0.0, level="info", logger="x", message=text, fields={"field": text})
    files = LogFiles(tmp_path / "logs")
    files.write([record, record])
    written = files.path.read_bytes().decode()
    assert is_inert(written.replace("\u0301", "").replace("\ufe20", ""))
    lines = written.splitlines()
    assert len(lines) == 2
    assert json.loads(lines[0])["message"] == text


@pytest.mark.parametrize("name", HOSTILE)
def test_a_record_on_stderr_forges_no_other(name: str) -> None:
    text = HOSTILE[name]()[:5000].replace("\x1e", "")
    record = LogRecord(actor="engine", at=0.0, level="info", logger="x", message=text, correlation="c")
    head, *rest = line_of(record).removesuffix("\n").split("\n")
    assert head.startswith(f"{ECHO}c{ECHO}info x: ")
    assert all(line.startswith(f"{ECHO}c{ECHO}    ") for line in rest)
