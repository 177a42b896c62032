"""A zip that says what is in it, and unpacks nowhere else."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile

import pytest

from actors.diagnostics.report.report_archive import archive, manifest
from actors.diagnostics.report.report_redaction import file_of
from schemas.operations.diagnostics import DiagnosticsGeneratedEvent, MissingPart, ReportFile


def report(*files: ReportFile) -> DiagnosticsGeneratedEvent:
    return DiagnosticsGeneratedEvent(
        made_at=0.0,
        files=list(files),
        findings=[],
        missing=[MissingPart(part="models", reason="gone")],
        summary="",
        redactions={"home": 2},
        seconds=0.1,
    )


@pytest.mark.requirement("S0-16")
def test_the_manifest_names_every_file_with_its_size_digest_and_what_was_taken_out() -> None:
    files = [file_of("SUMMARY.md", "# fine\n", {"home": 2}), file_of("crashes/a.json", "{}", {})]
    with zipfile.ZipFile(io.BytesIO(archive(report(*files)))) as zipped:
        index = json.loads(zipped.read("manifest.json"))
        assert zipped.namelist() == ["manifest.json", "SUMMARY.md", "crashes/a.json"]
        for entry in index["files"]:
            content = zipped.read(entry["name"])
            assert (len(content), hashlib.sha256(content).hexdigest()) == (
                entry["size_bytes"],
                entry["sha256"],
            )
        assert all(info.external_attr >> 16 == 0o600 for info in zipped.infolist())
    assert index["files"][0]["redactions"] == {"home": 2}
    assert index["missing"] == [{"part": "models", "reason": "gone"}]


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "a/../../b", "C:\\x", "crashes/../x", ""])
def test_a_name_that_leads_elsewhere_is_left_out(name: str) -> None:
    with zipfile.ZipFile(io.BytesIO(archive(report(file_of(name, "x", {}))))) as zipped:
        assert zipped.namelist() == ["manifest.json"]


def test_the_manifest_can_be_shown_before_anything_is_written() -> None:
    assert [file["name"] for file in manifest(report(file_of("a", "x", {})))["files"]] == ["a"]
