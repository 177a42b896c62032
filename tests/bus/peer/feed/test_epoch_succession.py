"""The lives of a broker follow each other as they were first seen, on whichever socket that was."""

from __future__ import annotations

from bus.peer.feed.epoch_succession import EpochSuccession


def test_an_epoch_is_before_those_that_were_first_seen_later() -> None:
    epochs = EpochSuccession()
    for epoch in ("one", "two", "one", "three"):
        epochs.note(epoch)
    assert epochs.newest == "three"
    assert epochs.is_before("one", "two")
    assert epochs.is_before("one", "three")
    assert not epochs.is_before("two", "one")
    assert not epochs.is_before("two", "two")


def test_what_the_feed_brings_of_an_unknown_epoch_counts_once_it_has_come_as_far_as_the_lane() -> None:
    epochs = EpochSuccession()
    assert epochs.hear("zero"), "nobody knows anything yet"
    epochs.note("two")
    assert not epochs.hear("one"), "it may be older than two, and is"
    assert epochs.hear("two")
    assert not epochs.hear("zero")
    assert epochs.hear("three"), "after two there is only a later one"
    assert epochs.newest == "three"
    assert not epochs.hear("two")
    epochs.note("four")
    assert not epochs.hear("five")
    epochs.note("five")
    assert epochs.hear("five"), "the lane has named it"


def test_an_epoch_that_was_never_seen_is_before_none() -> None:
    epochs = EpochSuccession()
    epochs.note("")
    epochs.note("one")
    assert "" not in epochs
    assert not epochs.is_before("other", "one")
    assert not epochs.is_before("one", "other")
