"""What a slow peer has to get waits in order, and not without a bound."""

from __future__ import annotations

from bus.broker.backlog import BACKLOG_LIMIT_BYTES, BACKLOG_LIMIT_MESSAGES, RETRY_SECONDS, Backlog


def test_everything_is_taken_out_in_order_when_it_is_time() -> None:
    backlog = Backlog()
    assert backlog.next_due() is None
    for route, text in [(b"a", b"1"), (b"b", b"2"), (b"a", b"3")]:
        assert backlog.keep(route, [text], 10.0)
    assert b"a" in backlog
    assert backlog.next_due() == 10.0 + RETRY_SECONDS
    assert list(backlog.take_due(10.0)) == []
    taken = list(backlog.take_due(10.0 + RETRY_SECONDS))
    assert [frames for route, frames in taken if route == b"a"] == [[b"1"], [b"3"]]
    assert [frames for route, frames in taken if route == b"b"] == [[b"2"]]
    assert b"a" not in backlog
    assert backlog.next_due() is None


def test_a_connection_that_ended_waits_for_nothing() -> None:
    backlog = Backlog()
    backlog.keep(b"a", [b"1"], 0.0)
    backlog.forget(b"a")
    backlog.forget(b"never")
    assert list(backlog.take_due(99.0)) == []


def test_the_number_of_messages_is_bounded() -> None:
    backlog = Backlog()
    kept = [backlog.keep(b"a", [b""], 0.0) for _ in range(BACKLOG_LIMIT_MESSAGES + 1)]
    assert kept == [True] * BACKLOG_LIMIT_MESSAGES + [False]
    assert backlog.keep(b"b", [b""], 0.0), "each for itself"


def test_their_bytes_are_bounded() -> None:
    backlog = Backlog()
    assert backlog.keep(b"a", [bytes(BACKLOG_LIMIT_BYTES), b""], 0.0)
    assert not backlog.keep(b"a", [b"1"], 0.0)
