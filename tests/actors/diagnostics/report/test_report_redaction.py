"""What is private leaves a token that no other report has."""

from __future__ import annotations

import hashlib
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.diagnostics.report.report_files import UnredactedFile
from actors.diagnostics.report.report_redaction import ReportRedactor, file_of
from bus.telemetry.redaction import TOKEN, Redactor


def redactor() -> Redactor:
    return Redactor(
        b"run",
        homes=["/Users/anna"],
        hosts=["annas-laptop"],
        secrets=["correct horse"],
        places={"/mnt/secret-plan": "models"},
    )


def test_equal_things_are_equal_in_one_report_also_where_the_ring_had_a_token_already() -> None:
    ring = redactor().text("annas-laptop fell")
    redacted = ReportRedactor(redactor(), b"report")
    logged = redacted.file(UnredactedFile("logs.jsonl", records=[{"message": ring}]))
    other = redacted.file(UnredactedFile("a.txt", lines=["annas-laptop"]))
    assert TOKEN.search(logged.content)[0] == TOKEN.search(other.content)[0]  # type: ignore[index]
    assert TOKEN.search(ring)[0] not in logged.content  # type: ignore[index]


def test_no_two_reports_have_the_same_tokens() -> None:
    one, other = (ReportRedactor(redactor(), salt).line("annas-laptop") for salt in (b"one", b"other"))
    assert one != other


@pytest.mark.requirement("S0-16")
def test_what_was_taken_out_is_counted_by_kind() -> None:
    unredacted = UnredactedFile(
        "a.json",
        data={
            "text": "what I said",
            "path": "/Users/anna/x",
            "model": "/mnt/secret-plan/m.bin",
            "note": "correct horse on annas-laptop",
        },
    )
    file = ReportRedactor(redactor(), b"report").file(unredacted)
    assert file.redactions == {"home": 1, "host": 1, "place": 1, "secret": 1, "words": 1}
    found = json.loads(file.content)
    assert (found["text"], found["path"], found["model"]) == ("<11 characters>", "~/x", "<models>/m.bin")


def test_a_second_file_does_not_count_what_the_first_had() -> None:
    redacted = ReportRedactor(redactor(), b"report")
    redacted.file(UnredactedFile("a", lines=["/Users/anna/x"]))
    assert redacted.file(UnredactedFile("b", lines=["nothing"])).redactions == {}


def test_digest_and_size_are_those_of_the_bytes() -> None:
    file = file_of("a", "süß", {})
    assert (file.size_bytes, file.sha256) == (5, hashlib.sha256("süß".encode()).hexdigest())


@given(st.text(), st.text())
def test_whatever_stands_around_it_a_secret_does_not_show(before: str, behind: str) -> None:
    file = ReportRedactor(redactor(), b"report").file(
        UnredactedFile("a", records=[{"note": f"{before}correct horse{behind}"}])
    )
    if "correct horse" not in before + behind:
        assert not re.search("correct horse", file.content)
    assert file.content.encode()


def test_no_file_of_a_report_steers_the_terminal_of_who_looks_at_it() -> None:
    poison = "a\x1b]0;t\x07\x9bb\u202ec"
    redacted = ReportRedactor(redactor(), b"report")
    records = redacted.file(UnredactedFile("r.jsonl", records=[{"message": poison}])).content
    data = redacted.file(UnredactedFile("d.json", data={poison: poison})).content
    lines = redacted.file(UnredactedFile("l.txt", lines=[poison])).content
    assert (lines, redacted.line(poison)) == ("a]0;tbc\n", "a]0;tbc")
    for content in (records, data):
        assert not re.search("[\x1b\x07\x9b\u202e]", content)
    assert json.loads(records) == {"message": poison}
    assert json.loads(data) == {poison: poison}
