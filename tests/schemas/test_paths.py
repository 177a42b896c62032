"""The conversation about paths: what is limited, and what a former version may leave out."""

from __future__ import annotations

import msgspec
import pytest

from schemas.contract.registry import EVENTS, REPLIES
from schemas.paths import PathChooseRequestEvent, PathChosenEvent, PathMoveChangedEvent, PathsChangedEvent


def decode(fields: dict[str, object]) -> PathChooseRequestEvent:
    return msgspec.convert(fields, PathChooseRequestEvent)


def test_a_choice_moves_and_creates_nothing_unless_it_says_so() -> None:
    choice = decode({"type": "paths.choose", "category": "models", "path": "/big"})
    assert (choice.action, choice.create_missing, choice.dry_run) == ("move", False, False)


@pytest.mark.parametrize(
    "fields",
    [
        {"category": "config", "path": "/c"},
        {"category": "models", "path": "x" * 4097},
        {"category": "models", "path": 1},
    ],
)
def test_a_category_that_cannot_be_chosen_and_a_path_without_end_are_invalid(
    fields: dict[str, object],
) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode({"type": "paths.choose", **fields})


@pytest.mark.requirement("S1-18")
def test_readiness_flow_and_settings_use_one_request() -> None:
    assert EVENTS["paths.choose"] is PathChooseRequestEvent
    assert REPLIES["paths.choose"] is PathChosenEvent


def test_who_joins_late_hears_where_everything_lies_and_how_far_a_move_is() -> None:
    assert PathsChangedEvent.retained_by == PathMoveChangedEvent.retained_by == ""
