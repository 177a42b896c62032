"""The synchronous client against a real broker: types, failures and ends of waits."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import pytest

from undercroft_client import (
    ClientError,
    Event,
    PublishRefused,
    Refused,
    Request,
    RequestFailed,
    Runtime,
    connect,
    correlated,
)
from undercroft_client.events import BusStatisticsRequestEvent, GapEvent
from undercroft_client.ordering import Lost


class NotedEvent(Event, frozen=True, kw_only=True, tag="app.noted"):
    retained_by: ClassVar[str | None] = "page"

    page: str
    line: int


class EchoedEvent(Event, frozen=True, kw_only=True, tag="app.echoed"):
    text: str


class EchoEvent(Request[EchoedEvent], frozen=True, kw_only=True, tag="app.echo"):
    text: str


@contextmanager
def server(runtime: Runtime, answer: Any) -> Iterator[list[BaseException]]:
    """A client in a thread of its own that answers one request."""
    failures: list[BaseException] = []
    served, count = threading.Event(), [0]

    def run() -> None:
        def counted(request: EchoEvent) -> Any:
            count[0] += 1
            return answer(request)

        try:
            with connect("server", runtime=runtime) as client:
                client.serve(EchoEvent, counted)
                served.set()
                client.wait_for(lambda: count[0] > 0, 30.0)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert served.wait(30.0)
        yield failures
    finally:
        thread.join()


@pytest.mark.requirement("C-6")
def test_a_typed_request_gets_a_typed_reply(runtime: Runtime) -> None:
    with connect("me", runtime=runtime) as client:
        assert client.request(BusStatisticsRequestEvent()).peers[0].peer == "me"
        with server(runtime, lambda request: EchoedEvent(text=request.text.upper())):
            assert client.request(EchoEvent(text="hello")) == EchoedEvent(text="HELLO")


@pytest.mark.requirement("C-5")
def test_typed_events_are_heard_as_their_types_and_the_newest_of_each_key_first(runtime: Runtime) -> None:
    with connect(runtime=runtime) as client:
        client.publish(
            NotedEvent(page="a", line=1), NotedEvent(page="a", line=2), NotedEvent(page="b", line=1)
        )
        with client.subscribe(NotedEvent) as events:
            assert [events.next(), events.next()] == [
                NotedEvent(page="a", line=2),
                NotedEvent(page="b", line=1),
            ]
            assert events.inbox.is_retained
            client.publish(NotedEvent(page="a", line=3))
            assert next(events) == NotedEvent(page="a", line=3)
            assert events.inbox.latest is not None
            assert (events.inbox.latest.source, events.inbox.latest.number, events.inbox.is_retained) == (
                client.name,
                4,
                False,
            )


def test_an_event_that_does_not_fit_its_type_is_told_as_a_gap_and_counted(runtime: Runtime) -> None:
    with connect(runtime=runtime) as client, client.subscribe(NotedEvent) as events:
        client.publish({"type": "app.noted", "page": 7}, NotedEvent(page="a", line=1))
        assert events.next() == GapEvent(lost_topic="app.noted", count=1, reason="unreadable")
        assert events.next() == NotedEvent(page="a", line=1)
        assert client.undecodable == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (lambda request: (_ for _ in ()).throw(Refused("not today")), "refused"),
        (lambda request: {"type": "app.echoed", "text": 7}, "invalid"),
        (lambda request: 1 / 0, "died"),
    ],
)
def test_a_handler_that_does_not_answer_fails_the_request(runtime: Runtime, answer: Any, kind: str) -> None:
    with connect(runtime=runtime) as client:
        with server(runtime, answer) as failures, pytest.raises(RequestFailed) as caught:
            client.request(EchoEvent(text="hello"))
        assert caught.value.kind == kind
        assert [type(failure) for failure in failures] == ([ZeroDivisionError] if kind == "died" else [])


def test_a_request_that_its_own_type_does_not_fit_is_invalid(runtime: Runtime) -> None:
    with connect(runtime=runtime) as client, server(runtime, lambda request: EchoedEvent(text="fine")):
        with pytest.raises(RequestFailed) as caught:
            client.request({"type": "app.echo", "text": 7})
        assert caught.value.kind == "invalid"
        client.request(EchoEvent(text="so that the server ends"))


def test_waiting_for_an_event_ends_in_time(runtime: Runtime) -> None:
    with connect(runtime=runtime) as client, client.subscribe("app.*") as events, pytest.raises(TimeoutError):
        events.next(timeout_seconds=0.01)


def test_a_subscription_that_was_left_hears_no_more_and_the_others_do(runtime: Runtime) -> None:
    with connect(runtime=runtime) as client:
        first, second = client.subscribe("app.*"), client.subscribe("app.*")
        first.close()
        first.close()
        client.publish({"type": "app.n", "n": 1})
        assert second.next() == {"type": "app.n", "n": 1}
        assert not first.inbox.queue


def test_a_pattern_that_the_broker_does_not_take_is_refused(runtime: Runtime) -> None:
    with connect(runtime=runtime) as client:
        with pytest.raises(RequestFailed) as caught:
            client.subscribe("x" * 200)
        assert caught.value.kind == "invalid"


def test_an_event_that_is_too_large_is_not_sent(runtime: Runtime) -> None:
    with connect(runtime=runtime) as client:
        large = {"type": "app.n", "filler": bytes(17 * 1024 * 1024)}
        with pytest.raises(PublishRefused, match="expected at most") as refused:
            client.publish(large)
        assert refused.value.reason == "oversize"
        with pytest.raises(RequestFailed, match="oversize"):
            client.request(large)


def test_what_names_no_topic_is_a_mistake(runtime: Runtime) -> None:
    with connect(runtime=runtime) as client, pytest.raises(TypeError, match="topic"):
        client.publish({"n": 1})


def test_a_closed_client_says_so(runtime: Runtime) -> None:
    client = connect(runtime=runtime)
    client.close()
    client.close()
    for use in (
        lambda: client.request({"type": "app.n"}),
        lambda: client.publish({"type": "app.n"}),
        lambda: client.subscribe("app.*"),
    ):
        with pytest.raises(ClientError, match="left the bus"):
            use()


def test_a_loss_shows_as_a_gap_event(runtime: Runtime) -> None:
    with connect(runtime=runtime) as client, client.subscribe("app.*") as events:
        events.inbox.put(Lost("app.n", 3, "ring_exceeded"))
        assert events.next() == GapEvent(lost_topic="app.n", count=3, reason="ring_exceeded")


def test_a_thousand_events_in_one_call_arrive_in_order(runtime: Runtime) -> None:
    with connect(runtime=runtime) as client, client.subscribe("app.n") as events:
        client.publish(*({"type": "app.n", "n": n} for n in range(1000)))
        assert [events.next()["n"] for _ in range(1000)] == list(range(1000))


def test_asking_then_following_hands_on_typed_replies_and_events(runtime: Runtime) -> None:
    with (
        connect(runtime=runtime) as client,
        server(runtime, lambda request: EchoedEvent(text=request.text)) as failures,
    ):
        changes = client.ask_then_follow(EchoEvent(text="hello"), NotedEvent)
        first = next(changes)
        assert (first.kind, first.event) == ("reply", EchoedEvent(text="hello"))
        client.publish(NotedEvent(page="a", line=1))
        second = next(changes)
        assert (second.kind, second.event) == ("event", NotedEvent(page="a", line=1))
        changes.close()
        assert failures == []


def test_what_is_withdrawn_is_there_for_no_late_joiner(runtime: Runtime) -> None:
    with connect(runtime=runtime) as client:
        client.publish(NotedEvent(page="a", line=1), NotedEvent(page="b", line=2))
        client.withdraw(NotedEvent, "a")
        with client.subscribe(NotedEvent) as events:
            assert events.next() == NotedEvent(page="b", line=2)


def test_a_matter_is_carried_by_what_is_published_within_its_block(runtime: Runtime) -> None:
    with connect(runtime=runtime) as client, client.subscribe("app.*") as events:
        with correlated("matter"):
            client.publish({"type": "app.n", "n": 1})
        client.publish({"type": "app.n", "n": 2}, correlation="another")
        client.publish({"type": "app.n", "n": 3})
        assert [(events.next()["n"], events.correlation) for _ in range(3)] == [
            (1, "matter"),
            (2, "another"),
            (3, None),
        ]


def test_a_publisher_that_waits_for_its_subscribers_goes_on_where_none_is_behind(runtime: Runtime) -> None:
    with connect(runtime=runtime) as client:
        client.publish({"type": "app.n"}, wait_for_subscribers=True)
        assert client.behind == 0
