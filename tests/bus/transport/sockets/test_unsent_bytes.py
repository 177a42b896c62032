"""What waits in queues is known by marks, whatever is given up in which order."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from bus.transport.sockets.unsent_bytes import MARK_BYTES, UnsentBytes


@dataclass
class Mark:
    """A tracker that a test gives up."""

    done: bool = False


def test_a_queue_holds_what_was_sent_and_not_given_up() -> None:
    unsent, marks = UnsentBytes(), [Mark(), Mark()]
    assert unsent.of(b"a") == 0
    unsent.add(b"a", 100, marks[0])
    unsent.add(b"a", 10, None)
    unsent.add(b"a", 200, marks[1])
    unsent.add(b"b", 1000, Mark())
    assert (unsent.of(b"a"), unsent.size_bytes) == (310, 1310)
    marks[0].done = True
    assert unsent.of(b"a") == 210
    marks[1].done = True
    assert (unsent.of(b"a"), unsent.size_bytes, unsent.released_bytes) == (0, 1000, 310)


def test_an_idle_queue_is_marked_at_once_and_a_busy_one_after_some_bytes() -> None:
    unsent, first = UnsentBytes(), Mark()
    assert unsent.needs_mark(b"a", 1)
    unsent.add(b"a", 1, first)
    assert not unsent.needs_mark(b"a", 100)
    assert unsent.needs_mark(b"a", MARK_BYTES)
    unsent.add(b"a", MARK_BYTES - 100, None)
    assert unsent.needs_mark(b"a", 100)
    first.done = True
    assert unsent.of(b"a") == 0, "what came behind the last mark is on its way"
    assert unsent.needs_mark(b"a", 1)


def test_a_queue_that_is_gone_waits_for_nothing() -> None:
    unsent = UnsentBytes()
    unsent.add(b"a", 100, Mark())
    unsent.forget(b"a")
    unsent.forget(b"never")
    assert (unsent.of(b"a"), unsent.size_bytes, unsent.released_bytes) == (0, 0, 100)


def test_a_limit_holds_for_all_queues_together() -> None:
    unsent, marks = UnsentBytes(), [Mark(), Mark()]
    unsent.add(b"a", 60, marks[0])
    unsent.add(b"b", 30, marks[1])
    assert unsent.fits(10, 100)
    assert not unsent.fits(11, 100)
    marks[0].done = True
    assert unsent.fits(70, 100)


@given(st.lists(st.tuples(st.sampled_from([b"a", b"b"]), st.integers(1, MARK_BYTES)), max_size=80), st.data())
def test_whatever_is_sent_and_given_up_the_sum_fits_and_ends_at_nothing(
    sent: list[tuple[bytes, int]], data: st.DataObject
) -> None:
    unsent, marks = UnsentBytes(), list[Mark]()
    for name, size_bytes in sent:
        mark = Mark() if unsent.needs_mark(name, size_bytes) else None
        marks += [mark] if mark else []
        unsent.add(name, size_bytes, mark)
        if marks and data.draw(st.booleans()):
            data.draw(st.sampled_from(marks)).done = True
        assert unsent.of(b"a") + unsent.of(b"b") == unsent.size_bytes
    for mark in marks:
        mark.done = True
    unsent.settle()
    assert unsent.size_bytes == 0
    assert unsent.released_bytes == sum(size_bytes for _, size_bytes in sent)
