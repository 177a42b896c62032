"""A report as a zip file, with a manifest of what is in it and what was redacted. Pure."""

from __future__ import annotations

import io
import json
import re
import time
import zipfile
from typing import Any, Final

from actors.diagnostics.report.report_redaction import file_of
from schemas.operations.diagnostics import DiagnosticsGeneratedEvent, ReportFile

FORMAT: Final = 1
MANIFEST_NAME: Final = "manifest.json"
FILE_MODE: Final = 0o600
_SAFE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)?")


def manifest(report: DiagnosticsGeneratedEvent) -> dict[str, Any]:
    """Return names, sizes and digests of the files, and how often each kind of private thing was redacted."""
    return {
        "format": FORMAT,
        "made_at": report.made_at,
        "files": [
            {
                "name": file.name,
                "size_bytes": file.size_bytes,
                "sha256": file.sha256,
                "redactions": file.redactions,
            }
            for file in report.files
        ],
        "missing": [{"part": part.part, "reason": part.reason} for part in report.missing],
        "redactions": report.redactions,
    }


def archive(report: DiagnosticsGeneratedEvent) -> bytes:
    """Return the zip file. Leaves out a name that could lead out of the directory it is unpacked in."""
    index = file_of(MANIFEST_NAME, json.dumps(manifest(report), indent=2, ensure_ascii=False) + "\n", {})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zipped:
        for file in (index, *report.files):
            if _SAFE_NAME.fullmatch(file.name):
                zipped.writestr(_entry(file, report.made_at), file.content.encode())
    return buffer.getvalue()


def _entry(file: ReportFile, made_at: float) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(file.name, time.gmtime(max(made_at, 315_532_800.0))[:6])  # a zip begins in 1980
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = FILE_MODE << 16
    return entry
