"""Revisions only grow, whatever is given, reserved or found."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.state_store.engine.revision_counter import RevisionCounter


@given(st.lists(st.tuples(st.sampled_from(["next", "reserve", "see"]), st.integers(0, 50))))
def test_no_revision_is_given_twice(script: list[tuple[str, int]]) -> None:
    counter = RevisionCounter()
    given_before: set[int] = set()
    for what, number in script:
        if what == "see":
            counter.see(number)
            assert counter.newest >= number
            continue
        count = 1 if what == "next" else number
        first = counter.next() if what == "next" else counter.reserve(count) + 1
        revisions = set(range(first, first + count))
        assert not revisions & given_before
        assert all(revision > earlier for revision in revisions for earlier in given_before)
        given_before |= revisions


def test_a_counter_goes_on_behind_what_was_found_on_disk() -> None:
    counter = RevisionCounter()
    counter.see(41)
    assert counter.next() == 42
    counter.see(7)
    assert counter.next() == 43
