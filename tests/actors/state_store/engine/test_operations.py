"""What can be done, and what came of it, cannot be changed on the way."""

from __future__ import annotations

import dataclasses

import pytest

from actors.state_store.engine.operations import (
    Delete,
    Incident,
    PutBack,
    RepairedCopy,
    Save,
    StepDone,
)


@pytest.mark.parametrize(
    "one",
    [
        Save("n.a", 1),
        Delete("n.a"),
        PutBack("n.a", b""),
        StepDone("n.a", 1),
        RepairedCopy(b"", "x"),
        Incident("quota", "n", "full"),
    ],
)
def test_operations_and_outcomes_are_frozen(one: object) -> None:
    field = dataclasses.fields(one)[0].name  # type: ignore[arg-type]  # each is a dataclass
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(one, field, "other")
