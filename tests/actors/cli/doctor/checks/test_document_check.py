"""Documents that are damaged or were put aside, and an audit log that was changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from actors.cli.doctor.checks.document_check import DocumentFacts, check, look
from actors.cli.doctor.problems import ExaminedHome
from actors.shared.audit.audit_files import places_of
from actors.shared.audit.audit_log import AuditLog
from actors.shared.crypto.envelope import seal


def _envelope() -> bytes:
    return seal({"text": "CANARY"}, schema="s", schema_version=1, revision=1, now=1.0, name="layout.default")


def test_documents_as_they_were_written_are_well(home: ExaminedHome, put: Callable[..., Path]) -> None:
    put(home.locations.state / "store" / "layouts" / "default.json", _envelope())
    put(home.locations.state / "store" / ".journal" / "0000000000000001.log", b"\0\0")
    facts = look(home)
    assert (facts.read, check(facts)) == (1, [])


def test_a_document_with_a_changed_byte_is_an_error_that_tells_nothing_of_its_content(
    home: ExaminedHome, put: Callable[..., Path]
) -> None:
    path = put(
        home.locations.state / "store" / "layouts" / "default.json",
        _envelope().replace(b"CANARY", b"CANARX"),
    )
    (problem,) = check(look(home))
    assert (problem.severity, problem.where) == ("error", str(path))
    assert "CANAR" not in str(problem)
    assert not problem.is_fixable


def test_documents_that_were_put_aside_are_told(home: ExaminedHome, put: Callable[..., Path]) -> None:
    for name in ("a.json.corrupt", "a.json.corrupt.2"):
        put(home.locations.state / "store" / "documents" / name, "{")
    (problem,) = check(look(home))
    assert (problem.severity, "a.json.corrupt.2" in problem.where) == ("warning", True)


def test_a_link_and_a_directory_in_place_of_a_document_do_not_stop_it(
    home: ExaminedHome,
) -> None:
    store = home.locations.state / "store"
    store.mkdir()
    (store / "a.json").symlink_to(store / "nowhere")
    (store / "b.json").mkdir()
    (problem,) = check(look(home))
    assert "it is a link" in problem.what


def test_an_audit_log_that_was_changed_is_an_error(home: ExaminedHome) -> None:
    directory, head = places_of(home.locations.state)
    log = AuditLog(directory, head)
    log.open(1.0)
    log.record("peer", "write", "layout.default")
    log.record("peer", "read", "layout.default")
    log.close()
    assert check(look(home)) == []
    (file,) = directory.glob("*.jsonl")
    file.write_bytes(file.read_bytes().replace(b'"write"', b'"wrote"'))
    (problem,) = check(look(home))
    assert (problem.severity, "audit log" in problem.what) == ("error", True)


def test_what_takes_too_long_to_read_is_left_out_and_said_so() -> None:
    (problem,) = check(DocumentFacts(read=10, left_out=5))
    assert (problem.severity, "5 of 15" in problem.what) == ("info", True)


def test_many_damaged_documents_are_counted() -> None:
    problems = check(DocumentFacts(damaged=tuple((f"/s/{n}.json", "no") for n in range(25))))
    assert len(problems) == 11
    assert "15 more" in problems[-1].what
