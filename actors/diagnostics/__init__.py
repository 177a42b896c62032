"""Diagnostics: keeps the newest log records of all actors, and reports what is wrong with the runtime.

Hears `config.settings_changed`, the log records of actors (`logs.recorded`) and the lines that they write
(`supervision.log_lines_written`). Serves `logs.set_level`, `logs.read_ring` and `diagnostics.generate`.

Owns `undercroft.jsonl` and its rotated copies in the directory for logs, if the user asked for log files.
Everything else is in memory.

Promises:
    - A report comes within two seconds, even if the broker or all other actors are down. A part that is not
      available is listed with the reason.
    - A report names the cause before its consequences.
    - Private things are redacted, under a salt that no other report has.
    - Nothing is written unless the user asked for it.

Terms:
    facts: everything that was found out for one report, `ReportFacts`. Every part may be absent.
    finding: one thing that is wrong, with a sentence and an advice.
    part: one field of the facts, such as `models`; `PART_NAMES` says what people call it.
    log ring: the newest records of all actors, `LogBook`.

Read `report_facts` and `causes` first: what a report is made from, and how it says what is wrong. Then
`report.report_builder`, which calls `evidence` for the facts. `logs` keeps the records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors.shared.context import ActorContext
    from bus.actor import Actor


def build(context: ActorContext) -> Actor[Any]:
    """Return the actor that the supervisor starts under this name."""
    from actors.diagnostics.actor import Diagnostics
    from actors.diagnostics.report.report_builder import AppPaths

    return Diagnostics(context, AppPaths.of(context.locations))
