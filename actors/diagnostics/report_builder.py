"""Makes the report: asks everybody at once, finds the causes, redacts, all within two seconds and whoever is down."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import anyio.to_thread
import msgspec

from actors.diagnostics import disk_evidence, inquiry
from actors.diagnostics.causes import causes
from actors.diagnostics.keychain_probe import keyring
from actors.diagnostics.report_facts import PARTS, Facts
from actors.diagnostics.report_parts import Draft, drafts
from actors.diagnostics.report_redaction import Sealer
from actors.diagnostics.report_summary import NAME as SUMMARY_NAME
from actors.diagnostics.report_summary import summary
from actors.diagnostics.system_facts import system, versions
from actors.shared.locations.locations import Locations, places
from bus.client import Peer
from bus.discovery import read_runtime
from bus.errors import NotRunning
from bus.log_handler import redactor_of_this_machine, salt_of
from schemas.operations.diagnostics import DiagnosticsGeneratedEvent, MissingPart, ReportFinding

LOG_RECORDS: Final = 500
SALT_BYTES: Final = 32
CODE: Final = Path(__file__).parents[2]
"""Where the packages of Undercroft lie; a path to it may go through somebody's home."""


@dataclass(frozen=True)
class Place:
    """Where the files of the app lie."""

    locations: Locations
    runtime_path: Path

    @property
    def crashes(self) -> Path:
        """Directory of the crash records."""
        return self.locations.state / "crashes"


async def generate(
    place: Place,
    peer: Peer | None,
    *,
    unreached: str = "",
    log_records: int = LOG_RECORDS,
    environ: Mapping[str, str] = os.environ,
) -> DiagnosticsGeneratedEvent:
    """The report of now. Never fails because of what it reports on.

    Args:
        place: whose report it is.
        peer: None: there is no talking to the broker, and `unreached` says why.
        unreached: why there is no peer.
        log_records: the newest of the log ring.
        environ: variables whose secrets must not show.
    """
    began, made_at = time.monotonic(), time.time()
    of_bus = inquiry.of_bus(peer, log_records) if peer is not None else {}
    found, missing = await inquiry.gather(inquiry.of_threads(looks(place)) | of_bus)
    if of_bus and not of_bus.keys() & found.keys():
        unreached = next((reason for part, reason in missing.items() if part in of_bus), "nobody answers")
    if unreached:
        missing |= {
            part: f"the broker was not reached: {unreached}"
            for part in PARTS
            if part not in found and part not in looks(place)
        }
    facts = Facts(made_at=made_at, unreached=unreached, missing=missing, **found)
    return await anyio.to_thread.run_sync(partial(build, facts, place, began, environ))


def looks(place: Place) -> dict[str, Callable[[], Any]]:
    """What can be found out without anybody's help."""
    return {
        "runtime": partial(disk_evidence.runtime, place.runtime_path),
        "config": partial(disk_evidence.config, place.locations.config),
        "storage": partial(disk_evidence.storage, place.locations),
        "integrity": partial(disk_evidence.integrity, place.locations),
        "crashes": partial(disk_evidence.crashes, place.crashes),
        "log_files": partial(disk_evidence.log_files, place.locations.logs),
        "keyring": partial(keyring, place.locations.state),
        "versions": versions,
        "system": system,
    }


def build(
    facts: Facts, place: Place, began: float, environ: Mapping[str, str] = os.environ
) -> DiagnosticsGeneratedEvent:
    """Facts to report: findings, summary, files, redacted under a salt of its own. `began` as time.monotonic has it."""
    known = {str(CODE): "undercroft-code", sys.prefix: "python", **places(place.locations)}
    sealer = Sealer(
        redactor_of_this_machine(salt_at(place.runtime_path), environ, known), os.urandom(SALT_BYTES)
    )
    findings = causes(facts)
    page = sealer.file(Draft(SUMMARY_NAME, lines=summary(facts, findings).splitlines()))
    files = [page, *map(sealer.file, drafts(facts, findings))]
    redactions: Counter[str] = Counter()
    for file in files:
        redactions.update(file.redactions)
    return DiagnosticsGeneratedEvent(
        made_at=facts.made_at,
        files=files,
        findings=[_sealed(finding, sealer) for finding in findings],
        missing=[
            MissingPart(part=part, reason=sealer.line(reason))
            for part, reason in sorted(facts.missing.items())
        ],
        summary=page.content,
        redactions=dict(redactions),
        seconds=round(time.monotonic() - began, 3),
    )


def salt_at(runtime_path: Path) -> bytes:
    """The salt of the runtime, so that a thing equals its token in the log ring; a new one where that is not to be had."""
    try:
        return salt_of(read_runtime(runtime_path).token)
    except NotRunning:
        return os.urandom(SALT_BYTES)


def _sealed(finding: ReportFinding, sealer: Sealer) -> ReportFinding:
    line = sealer.line
    return msgspec.structs.replace(
        finding, sentence=line(finding.sentence), advice=line(finding.advice), subject=line(finding.subject)
    )
