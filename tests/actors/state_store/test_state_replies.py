"""What was found becomes what is answered; an answer never grows too large to be sent."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.state_store import state_replies
from actors.state_store.documents.document_cache import CacheStatistics
from actors.state_store.documents.document_store import TypedDocument
from actors.state_store.engine.operations import StepDone
from bus.wire import BODY_LIMIT_BYTES
from schemas.documents import DocumentChangedEvent
from schemas.state import StateChangedEvent, StateLoadedEvent


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 6_000_000), max_size=8))
def test_a_batch_is_answered_as_far_as_there_is_room(sizes: list[int]) -> None:
    asked = [f"config.k{n}" for n in range(len(sizes))]
    found = [
        StateLoadedEvent(key=key, found=True, value="v" * size, revision=1)
        for key, size in zip(asked, sizes, strict=True)
    ]
    answer = state_replies.batch_loaded(asked, found)
    assert [*answer.values, *answer.left_out] == sorted(
        [*answer.values, *answer.left_out], key=lambda key: (key in answer.left_out, asked.index(key))
    )
    assert set(answer.values) | set(answer.left_out) == set(asked)
    assert len(msgspec.msgpack.encode(answer)) <= BODY_LIMIT_BYTES
    assert not asked or answer.values, "somebody who asks again gets on"


def test_values_come_under_the_names_by_which_they_were_asked_for() -> None:
    answer = state_replies.batch_loaded(
        ["config.e\u0301"], [StateLoadedEvent(key="config.\u00e9", found=True, value=1, revision=4)]
    )
    assert (answer.values, answer.revisions) == ({"config.e\u0301": 1}, {"config.e\u0301": 4})


def test_what_was_done_becomes_a_reply() -> None:
    assert state_replies.saved([StepDone("n.a", 3, 70)]).revision == 3
    assert state_replies.deleted([StepDone("n.a", 0, deleted=True)]).existed is False
    assert state_replies.batch_saved([StepDone("n.a", 3), StepDone("n.b", 0, deleted=True)]).revisions == {
        "n.a": 3,
        "n.b": 0,
    }


def test_a_page_says_where_the_next_one_begins() -> None:
    assert state_replies.listed([("n.a", 1), ("n.b", 2)], 5, True).next_after == "n.b"
    assert state_replies.listed([("n.a", 1)], 1, False).next_after == ""
    assert state_replies.listed([], 0, False).keys == []


def test_a_document_and_the_cache_become_replies() -> None:
    assert state_replies.document(TypedDocument("Marks", None, {"labels": ("a",)}, 4)).value == {
        "labels": ["a"]
    }
    reply = state_replies.cache(300.0, {"Marks": CacheStatistics(True, 1.5, 2, 3)})
    assert (reply.types[0].type_name, reply.types[0].hits, reply.types[0].age_seconds) == ("Marks", 2, 1.5)


def test_a_change_of_a_document_is_announced_by_its_type_and_any_other_by_its_key() -> None:
    assert state_replies.changed("document.Marks", 4, "app") == DocumentChangedEvent(
        type_name="Marks", revision=4, source="app"
    )
    assert state_replies.changed("n.a", 4, "app", deleted=True) == StateChangedEvent(
        key="n.a", revision=4, deleted=True, source="app"
    )
