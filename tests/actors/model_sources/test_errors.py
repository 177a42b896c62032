"""Errors say what, where and what to do next, can be pickled, and tell transient faults from others."""

from __future__ import annotations

import pickle

import pytest

from actors.model_sources.errors import (
    NameRefused,
    Offline,
    ResolveFailed,
    SourceRefused,
    SourceUnreachable,
)
from bus.errors import OperatorError, TransientError, UndercroftError


@pytest.mark.parametrize(
    "error",
    [
        NameRefused("n", "d"),
        ResolveFailed("n", "d"),
        SourceRefused("u", "d", 404),
        SourceUnreachable("u", "d"),
        Offline("u"),
    ],
    ids=str,
)
def test_an_error_survives_pickling_with_its_data(error: UndercroftError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.__dict__, str(again)) == (type(error), error.__dict__, str(error))


def test_only_what_may_go_well_by_itself_is_transient() -> None:
    assert isinstance(SourceUnreachable("u", "d"), TransientError)
    assert all(
        isinstance(error, OperatorError)
        for error in (NameRefused("n", "d"), SourceRefused("u", "d"), Offline("u"))
    )


def test_being_offline_says_how_to_change_that() -> None:
    assert "UNDERCROFT_OFFLINE" in str(Offline("https://h"))
