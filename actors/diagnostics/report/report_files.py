"""The files of a report and their contents, before redaction. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from actors.diagnostics.report.prometheus_text import exposition
from actors.diagnostics.report_facts import ReportFacts
from schemas.operations.diagnostics import ReportFinding
from schemas.operations.supervision import SupervisorStatusEvent


@dataclass(frozen=True)
class UnredactedFile:
    """A file that still contains private things. One of the last three attributes is set.

    Attributes:
        name: path inside the report.
        data: plain data that becomes JSON.
        records: plain data that becomes one line of JSON each.
        lines: lines of text.
    """

    name: str
    data: Any = None
    records: list[Any] | None = None
    lines: list[str] | None = None


def report_files(facts: ReportFacts, findings: list[ReportFinding]) -> list[UnredactedFile]:
    """Return a file for each part that was found."""
    return [
        UnredactedFile("findings.json", data=_plain(findings)),
        *_about_system(facts),
        *_about_actors(facts),
        *_about_data(facts),
        *_about_logs(facts),
    ]


def _about_system(facts: ReportFacts) -> Iterator[UnredactedFile]:
    if facts.versions is not None:
        yield UnredactedFile("versions.json", data=facts.versions)
    if facts.system is not None:
        yield UnredactedFile("system.json", data=facts.system)
    if facts.runtime is not None:
        yield UnredactedFile("runtime.json", data={**_plain(facts.runtime), "unreached": facts.unreached})


def _about_actors(facts: ReportFacts) -> Iterator[UnredactedFile]:
    if facts.overview is not None:
        yield UnredactedFile("actors.json", data=_plain(facts.overview))
        yield UnredactedFile("start.json", data=start_times(facts.overview))
    if facts.bus is not None:
        yield UnredactedFile("bus.json", data=_plain(facts.bus))
    if facts.alerts is not None:
        yield UnredactedFile("alerts.json", data=_plain(facts.alerts))
    if facts.metrics is not None:
        page = exposition((report.actor, sample) for report in facts.metrics for sample in report.samples)
        yield UnredactedFile("metrics.prom", lines=page.splitlines())


def _about_data(facts: ReportFacts) -> Iterator[UnredactedFile]:
    if facts.readiness is not None:
        lines = [*facts.readiness.text.splitlines(), *warning_lines(facts)]
        yield UnredactedFile("readiness.txt", lines=lines)
    if facts.settings is not None or facts.config is not None:
        data = {"file": _plain(facts.config), "settings": setting_rows(facts)}
        yield UnredactedFile("settings.json", data=data)
    if facts.paths is not None or facts.storage is not None:
        paths = _plain(facts.paths.paths) if facts.paths else None
        yield UnredactedFile("storage.json", data={"use": _plain(facts.storage), "paths": paths})
    if facts.models is not None:
        data = {"models": _plain(facts.models), "partials": _plain(facts.partials)}
        yield UnredactedFile("models.json", data=data)
    if facts.integrity is not None:
        yield UnredactedFile("integrity.json", data=_plain(facts.integrity))
    if facts.state is not None:
        yield UnredactedFile("state.json", data=_plain(facts.state))
    if facts.history is not None:
        yield UnredactedFile("history.json", data=_plain(facts.history))
    if facts.keys is not None or facts.keyring is not None:
        data = {"keyring": _plain(facts.keyring), "users": _plain(facts.keys)}
        yield UnredactedFile("keys.json", data=data)


def _about_logs(facts: ReportFacts) -> Iterator[UnredactedFile]:
    if facts.ring is not None:
        yield UnredactedFile("logs.jsonl", records=_plain(facts.ring.records))
    if facts.lines is not None:
        lines = [f"{line.at:.3f} {line.actor}: {line.text}" for line in facts.lines.lines]
        yield UnredactedFile("output.txt", lines=lines)
    for found in facts.crashes or []:
        yield _crash_file(f"crashes/{found.name}", found.text)
    for found in facts.log_files or []:
        records = [_parsed(line) for line in found.text.splitlines() if line]
        yield UnredactedFile(f"log_files/{found.name}", records=records)


def start_times(overview: SupervisorStatusEvent) -> dict[str, Any]:
    """Return how long each actor took to become ready.

    A restarted actor is marked, because its time is that of the newest start.
    """
    ready = [one for one in overview.actors if one.state == "ready"]
    return {
        "started_at": overview.started_at,
        "actors": [
            {
                "actor": one.actor,
                "state": one.state,
                "ready_after_seconds": round(one.since - overview.started_at, 3),
                "restarted": one.restarts > 0,
            }
            for one in sorted(ready, key=lambda one: one.since)
        ],
    }


def warning_lines(facts: ReportFacts) -> list[str]:
    """Return the warning signs of downloads in words."""
    found = facts.readiness.snapshot.signs if facts.readiness else []
    lines = [
        f"- {sign.model_id}: {sign.kind.replace('_', ' ')}, {sign.count} times. {sign.text}" for sign in found
    ]
    return ["", "Warning signs:", *(lines or ["- none"])]


def setting_rows(facts: ReportFacts) -> list[dict[str, Any]] | None:
    """Return the effective settings with their layers.

    Each value stands under the name of its setting, so that it is redacted by that name.
    """
    if facts.settings is None:
        return None
    rows = []
    for explained in facts.settings:
        name = explained.path.rpartition(".")[2]
        layers = [
            {"layer": one.layer, "source": one.source, "value": {name: one.value}, "problem": one.problem}
            for one in explained.layers
            if one.is_set or one.problem
        ]
        rows.append(
            {
                "path": explained.path,
                "value": {name: explained.value},
                "winner": explained.winner,
                "locked": explained.is_locked,
                "layers": layers,
            }
        )
    return rows


def _crash_file(name: str, text: str) -> UnredactedFile:
    try:
        return UnredactedFile(name, data=msgspec.json.decode(text))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return UnredactedFile(name, lines=text.splitlines())


def _parsed(line: str) -> Any:
    try:
        return msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return line


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value)
