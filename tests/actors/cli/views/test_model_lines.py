"""How a model and a leftover are shown."""

from __future__ import annotations

import pytest

from actors.cli.views.model_lines import model_lines, partial_line
from schemas.models import PartialFound
from tests.support.readiness_lab import status

FOUND = PartialFound(
    model_id="base",
    kind="partial",
    state="partial",
    size_bytes=500,
    durable_bytes=400,
    promised_bytes=1000,
    age_seconds=86_400 * 1.5,
    url_hosts=["models.example"],
)


@pytest.mark.requirement("S1-9")
def test_a_model_takes_one_line_with_its_friendly_name_and_explicit_percent() -> None:
    (line,) = model_lines(status("base", "downloading", durable_bytes=415))
    assert line == "base                     downloading 41 %    1.0 kB  Base (stt, MIT)"
    assert (
        model_lines(status("base", "installed"))[0]
        == "base                     installed       1.0 kB  Base (stt, MIT)"
    )


def test_revisions_holders_a_due_licence_and_a_problem_stand_below_it() -> None:
    held = status(
        "base",
        "installed",
        revision="r2",
        wanted_revision="r3",
        former_revision="r1",
        held_by=["recorder"],
        licence_due=True,
        problem="P.",
    )
    assert [line.strip() for line in model_lines(held)[1:]] == [
        "revision r2, r3 is wanted, r1 can be rolled back to",
        "held by recorder",
        "its licence must be accepted first: undercroft models accept base",
        "P.",
    ]


def test_a_leftover_takes_one_line_with_size_and_age() -> None:
    size = "base                     partial      500 B 40 %"
    assert partial_line(FOUND) == f"{size}, 1.5 days old, from models.example, wanted by nobody"
