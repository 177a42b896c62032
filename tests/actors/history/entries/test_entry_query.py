"""The full-text index is asked for too much rather than too little; values never enter a condition."""

from __future__ import annotations

from actors.history.entries.entry_query import match_of, searchable, where_of
from schemas.history import HistoryQueryRequestEvent


def test_words_are_asked_for_as_beginnings_and_those_the_index_may_not_know_are_left_out() -> None:
    assert match_of(["foo-bar", "x"]) == '"foo"* AND "bar"* AND "x"*'
    assert match_of(["...", "\U0001e900"]) == ""
    assert searchable("cafe\u0301 x") == "cafe  x"


def test_conditions_hold_places_for_values_and_no_question_no_condition() -> None:
    assert where_of(HistoryQueryRequestEvent()) == ("", [])
    asked = HistoryQueryRequestEvent(since=1.0, until=2.0, kind="'; --", conversation_id="c", ids=["a", "b"])
    assert where_of(asked) == (
        "at >= ? AND at < ? AND kind = ? AND conversation = ? AND id IN (?,?)",
        [1.0, 2.0, "'; --", "c", "a", "b"],
    )
