"""The slowest subscriber that lately said something counts."""

from __future__ import annotations

from bus.broker.log.told_lag import NEWS_SECONDS, TOPICS_LIMIT, ToldLag

HEADS = {"app.a": 100_000, "app.b": 50}


def test_the_slowest_subscriber_of_a_topic_counts() -> None:
    lag = ToldLag(HEADS)
    assert not lag
    assert lag.behind("app.a", 0.0) == 0
    lag.heard(b"one", "app.a", 90_000, 0.0)
    lag.heard(b"two", "app.a", 60_000, 0.0)
    lag.heard(b"two", "app.b", 50, 0.0)
    assert (lag.behind("app.a", 1.0), lag.behind("app.b", 1.0)) == (40_000, 0)
    lag.heard(b"two", "app.a", 95_000, 2.0)
    assert lag.behind("app.a", 2.0) == 10_000
    assert lag


def test_a_subscriber_that_says_nothing_is_not_waited_for() -> None:
    lag = ToldLag(HEADS)
    lag.heard(b"one", "app.a", 1, 0.0)
    lag.heard(b"two", "app.a", 99_999, NEWS_SECONDS)
    assert lag.behind("app.a", NEWS_SECONDS) == 99_999
    assert lag.behind("app.a", NEWS_SECONDS + 0.1) == 1


def test_a_subscriber_that_is_gone_is_forgotten() -> None:
    lag = ToldLag(HEADS)
    lag.heard(b"one", "app.a", 1, 0.0)
    lag.heard(b"one", "app.b", 1, 0.0)
    lag.forget(b"one")
    lag.forget(b"never")
    assert not lag
    assert lag.behind("app.a", 0.0) == 0


def test_topics_that_nobody_published_and_too_many_of_them_are_not_noted() -> None:
    heads = {f"app.t{number}": 10 for number in range(TOPICS_LIMIT + 1)}
    lag = ToldLag(heads)
    lag.heard(b"one", "app.unknown", 1, 0.0)
    assert not lag
    for topic in heads:
        lag.heard(b"one", topic, 1, 0.0)
    behind = [lag.behind(topic, 0.0) for topic in heads]
    assert behind == [9] * TOPICS_LIMIT + [0]


def test_a_number_that_was_never_given_is_no_lag() -> None:
    lag = ToldLag(HEADS)
    lag.heard(b"one", "app.b", 2**63, 0.0)
    assert lag.behind("app.b", 0.0) <= 0
