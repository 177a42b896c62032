"""Models and partial downloads as lines for people."""

from __future__ import annotations

from actors.cli.views.install_view import percent
from actors.shared.text import size_text
from schemas.models import ModelStatus, PartialFound

UNDER_WAY = ("queued", "downloading", "paused", "partial")
INDENT = " " * 24
DAY_SECONDS = 86_400.0


def model_lines(status: ModelStatus) -> list[str]:
    """A model on one line, and below it its revisions, its holders, a licence that is due, and a problem."""
    state: str = status.state
    if status.state in UNDER_WAY:
        state = f"{status.state} {percent(status.durable_bytes, status.size_bytes)} %"
    description = f"{status.name} ({status.category}, {status.licence})"
    first = f"{status.model_id:<24} {state:<12} {size_text(status.size_bytes):>9}  {description}"
    return [first, *(f"{INDENT} {line}" for line in _details(status))]


def _details(status: ModelStatus) -> list[str]:
    lines = []
    if status.revision:
        update = (
            f", {status.wanted_revision} is wanted"
            if status.wanted_revision not in ("", status.revision)
            else ""
        )
        former = f", {status.former_revision} can be rolled back to" if status.former_revision else ""
        lines.append(f"revision {status.revision}{update}{former}")
    if status.held_by:
        lines.append(f"held by {', '.join(status.held_by)}")
    if status.licence_due:
        lines.append(f"its licence must be accepted first: undercroft models accept {status.model_id}")
    if status.problem:
        lines.append(status.problem)
    return lines


def partial_line(found: PartialFound) -> str:
    """A partial or damaged download on one line."""
    age = f"{found.age_seconds / DAY_SECONDS:.1f} days old"
    done = f" {percent(found.durable_bytes, found.promised_bytes)} %" if found.promised_bytes else ""
    hosts = f", from {', '.join(found.url_hosts)}" if found.url_hosts else ""
    wanted = "" if found.is_wanted else ", wanted by nobody"
    return (
        f"{found.model_id:<24} {found.kind:<8} {size_text(found.size_bytes):>9}{done}, {age}{hosts}{wanted}"
    )
