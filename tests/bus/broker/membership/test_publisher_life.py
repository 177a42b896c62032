"""Which message comes next in the life of a publisher."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.broker.membership import publisher_life
from bus.broker.membership.publisher_life import COUNT_LIMIT, LivesOfPublishers, PublisherLife
from bus.errors import ProtocolError
from bus.wire import PublishHeader


def run(
    serial: int, first: int, count: int = 1, topic: str = "app.x", *, again: bool = False
) -> PublishHeader:
    return PublishHeader(serial, topic, count, first, "key" if not count else None, None, again)


def publish(life: PublisherLife, *headers: PublishHeader, lives: LivesOfPublishers | None = None) -> None:
    for header in headers:
        life.check(header)
        (LivesOfPublishers() if lives is None else lives).note(life, header, is_topic_kept=True)


def leaps(life: PublisherLife, header: PublishHeader) -> bool:
    before = (life.accepted, dict(life.next_numbers))
    try:
        life.check(header)
    except ProtocolError as error:
        assert error.reason == "leap"
        assert (life.accepted, life.next_numbers) == before
        return True
    return False


def test_an_unknown_life_begins_anywhere_below_the_limit() -> None:
    for serial, first in [(1, 1), (1000, 1), (7, 5000), (COUNT_LIMIT, COUNT_LIMIT - 1)]:
        assert not leaps(PublisherLife(), run(serial, first))
    for serial, first in [(COUNT_LIMIT + 1, 1), (1, COUNT_LIMIT), (2**63, 1), (1, 2**63)]:
        for again in (False, True):
            assert leaps(PublisherLife(), run(serial, first, again=again))


def test_within_an_epoch_serials_and_numbers_follow_each_other_without_a_gap() -> None:
    life = PublisherLife()
    publish(life, run(10, 3, 4))
    assert not leaps(life, run(11, 7))
    for serial, first in [(12, 7), (2**40, 7), (11, 8), (11, 6), (11, 2**40), (11, 1)]:
        assert leaps(life, run(serial, first))
    assert not leaps(life, run(11, 500, topic="app.y"))


def test_what_is_sent_again_only_has_to_rise() -> None:
    life = PublisherLife()
    publish(life, run(5, 2, again=True), run(9, 8, again=True))
    assert leaps(life, run(10, 7, again=True))
    publish(life, run(40, 30))
    assert leaps(life, run(42, 31))
    publish(life, run(41, 31))
    publish(life, run(50, 60, again=True))
    assert leaps(life, run(51, 59))
    assert not leaps(life, run(51, 200)), "the numbers between were not sent again"


def test_a_withdrawal_has_a_serial_and_no_number() -> None:
    life = PublisherLife()
    publish(life, run(1, 1), run(2, 900, 0), run(3, 2))
    assert leaps(life, run(5, 3, 0))


def test_a_message_that_could_not_be_read_leaves_the_numbers_open() -> None:
    life = PublisherLife()
    publish(life, run(1, 1))
    life.skip()
    assert leaps(life, run(4, 2))
    assert not leaps(life, run(3, 3))
    assert leaps(life, run(3, 1))


def test_an_instance_counts_for_its_name_alone() -> None:
    lives = LivesOfPublishers()
    life = lives.join("store", "instance")
    publish(life, run(7, 1))
    lives.leave("store", "instance", life, is_guest=False)
    assert lives.join("thief", "instance").accepted == 0
    assert lives.join("store", "other").accepted == 0
    assert lives.join("store", "instance").accepted == 7


def test_guests_do_not_push_out_the_lives_of_named_peers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher_life, "LIFE_LIMIT", 10)
    lives = LivesOfPublishers()
    store = lives.join("store", "instance")
    publish(store, run(7, 1), lives=lives)
    lives.leave("store", "instance", store, is_guest=False)
    for n in range(50):
        life = lives.join("guest", f"life-{n}")
        publish(life, run(1, 1), lives=lives)
        lives.leave("guest", f"life-{n}", life, is_guest=True)
    assert len(lives) == 11
    assert lives.join("guest", "life-49").accepted == 1
    assert lives.join("guest", "life-1").accepted == 0
    assert lives.join("store", "instance").accepted == 7


def test_the_numbers_that_are_remembered_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher_life, "NUMBER_LIMIT", 5)
    lives = LivesOfPublishers()
    life = lives.join("guest", "instance")
    publish(life, *(run(n, 1, topic=f"app.x{n}") for n in range(1, 10)), lives=lives)
    assert len(life.next_numbers) == 5
    assert leaps(life, run(10, 7, topic="app.x1"))
    assert not leaps(life, run(10, 7, topic="app.x9"))


MESSAGES = st.tuples(st.integers(1, 12), st.integers(1, 12), st.integers(0, 3), st.booleans())


@given(st.lists(MESSAGES, max_size=30))
def test_serials_and_numbers_never_fall(messages: list[tuple[int, int, int, bool]]) -> None:
    life, lives = PublisherLife(), LivesOfPublishers()
    numbers = [0]
    for serial, first, count, again in messages:
        header = run(serial, first, count, again=again)
        if serial <= life.accepted or leaps(life, header):
            continue
        before, was_settled = life.accepted, life.is_settled
        lives.note(life, header, is_topic_kept=True)
        assert life.accepted == serial > before
        if was_settled and not again:
            assert serial == before + 1
        if count:
            assert first > numbers[-1]
            numbers.append(first + count - 1)
