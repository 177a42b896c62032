"""What can be done, and what came of it, cannot be changed on the way."""

from __future__ import annotations

import dataclasses

import pytest

from actors.state_store.engine.operations import Delete, Done, Incident, Loaded, Repaired, Restore, Save
from schemas.state import StateLoadedEvent


@pytest.mark.parametrize(
    "one",
    [
        Save("n.a", 1),
        Delete("n.a"),
        Restore("n.a", b""),
        Done("n.a", 1),
        Loaded("n.a"),
        Repaired(b"", "x"),
        Incident("quota", "n", "full"),
    ],
)
def test_operations_and_outcomes_are_frozen(one: object) -> None:
    field = dataclasses.fields(one)[0].name  # type: ignore[arg-type]  # each is a dataclass
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(one, field, "other")


def test_what_is_loaded_has_the_fields_of_its_event() -> None:
    assert tuple(field.name for field in dataclasses.fields(Loaded)) == StateLoadedEvent.__struct_fields__
