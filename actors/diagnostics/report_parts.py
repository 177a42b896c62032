"""Which files a report has, and what goes into each; nothing is redacted yet. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from actors.diagnostics.prometheus_text import exposition
from actors.diagnostics.report_facts import Facts
from schemas.operations.diagnostics import ReportFinding
from schemas.operations.supervision import SupervisorStatusEvent


@dataclass(frozen=True)
class Draft:
    """A file that is to be redacted: plain data that becomes JSON, records that become a line each, or lines of text."""

    name: str
    data: Any = None
    records: list[Any] | None = None
    lines: list[str] | None = None


def drafts(facts: Facts, findings: list[ReportFinding]) -> list[Draft]:
    """Every file for which something was found."""
    return [
        Draft("findings.json", data=_plain(findings)),
        *_of_system(facts),
        *_of_actors(facts),
        *_of_data(facts),
        *_of_logs(facts),
    ]


def _of_system(facts: Facts) -> Iterator[Draft]:
    if facts.versions is not None:
        yield Draft("versions.json", data=facts.versions)
    if facts.system is not None:
        yield Draft("system.json", data=facts.system)
    if facts.runtime is not None:
        yield Draft("runtime.json", data={**_plain(facts.runtime), "unreached": facts.unreached})


def _of_actors(facts: Facts) -> Iterator[Draft]:
    if facts.overview is not None:
        yield Draft("actors.json", data=_plain(facts.overview))
        yield Draft("start.json", data=timings(facts.overview))
    if facts.bus is not None:
        yield Draft("bus.json", data=_plain(facts.bus))
    if facts.alerts is not None:
        yield Draft("alerts.json", data=_plain(facts.alerts))
    if facts.metrics is not None:
        page = exposition((report.actor, sample) for report in facts.metrics for sample in report.samples)
        yield Draft("metrics.prom", lines=page.splitlines())


def _of_data(facts: Facts) -> Iterator[Draft]:
    if facts.readiness is not None:
        yield Draft("readiness.txt", lines=[*facts.readiness.text.splitlines(), *signs(facts)])
    if facts.settings is not None or facts.config is not None:
        yield Draft("settings.json", data={"file": _plain(facts.config), "settings": settings(facts)})
    if facts.paths is not None or facts.storage is not None:
        yield Draft(
            "storage.json",
            data={"use": _plain(facts.storage), "paths": _plain(facts.paths.paths) if facts.paths else None},
        )
    if facts.models is not None:
        yield Draft("models.json", data={"models": _plain(facts.models), "partials": _plain(facts.partials)})
    if facts.integrity is not None:
        yield Draft("integrity.json", data=_plain(facts.integrity))
    if facts.state is not None:
        yield Draft("state.json", data=_plain(facts.state))
    if facts.history is not None:
        yield Draft("history.json", data=_plain(facts.history))
    if facts.keys is not None or facts.keyring is not None:
        yield Draft("keys.json", data={"keyring": _plain(facts.keyring), "users": _plain(facts.keys)})


def _of_logs(facts: Facts) -> Iterator[Draft]:
    if facts.ring is not None:
        yield Draft("logs.jsonl", records=_plain(facts.ring.records))
    if facts.lines is not None:
        yield Draft(
            "output.txt", lines=[f"{line.at:.3f} {line.actor}: {line.text}" for line in facts.lines.lines]
        )
    for found in facts.crashes or []:
        yield Draft(f"crashes/{found.name}", **_read(found.text))
    for found in facts.log_files or []:
        yield Draft(
            f"log_files/{found.name}", records=[_parsed(line) for line in found.text.splitlines() if line]
        )


def timings(overview: SupervisorStatusEvent) -> dict[str, Any]:
    """How long each actor took to be ready. One that was started again since is marked: its time is that of the newest start."""
    return {
        "started_at": overview.started_at,
        "actors": [
            {
                "actor": one.actor,
                "state": one.state,
                "ready_after_seconds": round(one.since - overview.started_at, 3),
                "restarted": one.restarts > 0,
            }
            for one in sorted(overview.actors, key=lambda one: one.since)
            if one.state == "ready"
        ],
    }


def signs(facts: Facts) -> list[str]:
    """The warning signs of downloads, in words."""
    found = facts.readiness.snapshot.signs if facts.readiness else []
    lines = [
        f"- {sign.model_id}: {sign.kind.replace('_', ' ')}, {sign.count} times. {sign.text}" for sign in found
    ]
    return ["", "Warning signs:", *(lines or ["- none"])]


def settings(facts: Facts) -> list[dict[str, Any]] | None:
    """Effective settings by layer; each value stands under the name of its setting, so that it is redacted by that name."""
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


def _read(text: str) -> dict[str, Any]:
    """A crash record: JSON, or whatever else lies there."""
    try:
        return {"data": msgspec.json.decode(text)}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {"lines": text.splitlines()}


def _parsed(line: str) -> Any:
    try:
        return msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return line


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value)
