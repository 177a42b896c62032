"""Makes a report: inquires everywhere at once, finds the causes, redacts. Takes at most two seconds."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

import anyio.to_thread
import msgspec

from actors.diagnostics.causes import causes
from actors.diagnostics.evidence import disk_evidence, inquiry
from actors.diagnostics.evidence.keychain_probe import probe_keychain
from actors.diagnostics.evidence.system_facts import system, versions
from actors.diagnostics.report.report_files import UnredactedFile, report_files
from actors.diagnostics.report.report_redaction import ReportRedactor
from actors.diagnostics.report.report_summary import NAME as SUMMARY_NAME
from actors.diagnostics.report.report_summary import summary
from actors.diagnostics.report_facts import PART_NAMES, ReportFacts
from actors.shared.locations.locations import Locations, places
from bus.client import Peer
from bus.discovery import read_runtime
from bus.errors import NotRunning
from bus.telemetry.log_handler import redactor_of_this_machine, salt_of
from schemas.operations.diagnostics import DiagnosticsGeneratedEvent, MissingPart, ReportFinding

LOG_RECORDS: Final = 500
SALT_BYTES: Final = 32
CODE: Final = Path(__file__).parents[3]
"""Directory of the packages of Undercroft; its path may contain the name of a user."""

RUNTIME_NAME: Final = "runtime.json"
RUNTIME_VARIABLE: Final = "UNDERCROFT_RUNTIME"


@dataclass(frozen=True)
class AppPaths:
    """Where the files of the app lie.

    Attributes:
        locations: directory of each category.
        runtime: path of `runtime.json`.
    """

    locations: Locations
    runtime: Path

    @classmethod
    def of(cls, locations: Locations, environ: Mapping[str, str] = os.environ) -> Self:
        """Return the paths of a process in the runtime, whose environment may name another `runtime.json`."""
        own, named = locations.state / RUNTIME_NAME, environ.get(RUNTIME_VARIABLE)
        return cls(locations, Path(named) if named and not own.exists() else own)

    @property
    def crashes(self) -> Path:
        """Directory of the crash records."""
        return self.locations.state / "crashes"


async def generate(
    paths: AppPaths,
    peer: Peer | None,
    *,
    unreached: str = "",
    log_records: int = LOG_RECORDS,
    environ: Mapping[str, str] = os.environ,
) -> DiagnosticsGeneratedEvent:
    """Make a report of the present state. Never fails because of a fault that it reports.

    Args:
        paths: where the files of the app lie.
        peer: None if the broker cannot be reached.
        unreached: why it cannot be reached.
        log_records: number of the newest log records.
        environ: contains secrets that must not show.
    """
    began, made_at = time.monotonic(), time.time()
    on_disk = inquiry.in_threads(probes(paths))
    on_bus = inquiry.to_bus(peer, log_records) if peer is not None else {}
    found, missing = await inquiry.gather(on_disk | on_bus)
    if on_bus and not on_bus.keys() & found.keys():
        unreached = next((reason for part, reason in missing.items() if part in on_bus), "no actor answers")
    if unreached:
        reason = f"the broker was not reached: {unreached}"
        missing |= {part: reason for part in PART_NAMES if part not in found and part not in on_disk}
    facts = ReportFacts(made_at=made_at, unreached=unreached, missing=missing, **found)
    return await anyio.to_thread.run_sync(partial(build_report, facts, paths, began, environ))


def probes(paths: AppPaths) -> dict[str, Callable[[], Any]]:
    """Return the functions that find out a part without any other process."""
    return {
        "runtime": partial(disk_evidence.runtime_file, paths.runtime),
        "config": partial(disk_evidence.config_file, paths.locations.config),
        "storage": partial(disk_evidence.storage_use, paths.locations),
        "integrity": partial(disk_evidence.integrity, paths.locations),
        "crashes": partial(disk_evidence.crash_records, paths.crashes),
        "log_files": partial(disk_evidence.log_files, paths.locations.logs),
        "keyring": partial(probe_keychain, paths.locations.state),
        "versions": versions,
        "system": system,
    }


def build_report(
    facts: ReportFacts, paths: AppPaths, began: float, environ: Mapping[str, str] = os.environ
) -> DiagnosticsGeneratedEvent:
    """Turn facts into a report: findings, summary and files, redacted under a salt of its own.

    Args:
        facts: what was found out.
        paths: are shown by category.
        began: when the report began, by `time.monotonic`.
        environ: contains secrets that must not show.
    """
    known = {str(CODE): "undercroft-code", sys.prefix: "python", **places(paths.locations)}
    redactor = ReportRedactor(
        redactor_of_this_machine(salt_at(paths.runtime), environ, known), os.urandom(SALT_BYTES)
    )
    findings = causes(facts)
    page = redactor.file(UnredactedFile(SUMMARY_NAME, lines=summary(facts, findings).splitlines()))
    files = [page, *map(redactor.file, report_files(facts, findings))]
    redactions: Counter[str] = Counter()
    for file in files:
        redactions.update(file.redactions)
    return DiagnosticsGeneratedEvent(
        made_at=facts.made_at,
        files=files,
        findings=[_redacted(finding, redactor) for finding in findings],
        missing=[
            MissingPart(part=part, reason=redactor.line(reason))
            for part, reason in sorted(facts.missing.items())
        ],
        summary=page.content,
        redactions=dict(redactions),
        seconds=round(time.monotonic() - began, 3),
    )


def salt_at(runtime_path: Path) -> bytes:
    """Return the salt of the runtime, so that tokens match those in the log ring; else a new one."""
    try:
        return salt_of(read_runtime(runtime_path).token)
    except NotRunning:
        return os.urandom(SALT_BYTES)


def _redacted(finding: ReportFinding, redactor: ReportRedactor) -> ReportFinding:
    line = redactor.line
    return msgspec.structs.replace(
        finding, sentence=line(finding.sentence), advice=line(finding.advice), subject=line(finding.subject)
    )
