"""All errors have one root, survive pickling, and say what happened."""

from __future__ import annotations

import pickle
from typing import Any, ClassVar

import pytest

from bus import errors
from bus.actor import FollowedTwice, InboxError
from bus.errors import OperatorError, UndercroftError
from bus.lifeline import LifelineBroken, LifelineClosed

SAMPLES: list[tuple[UndercroftError, str]] = [
    (errors.RequestFailed("busy", "its hands are full", "app.ask"), "app.ask: busy: its hands are full"),
    (errors.RequestFailed("died", "gone"), "request: died: gone"),
    (errors.Refused("not today"), "not today"),
    (errors.ProtocolError("oversize", "17 MiB"), "oversize: 17 MiB"),
    (
        errors.NotRunning("/x/runtime.json", "there is no such file"),
        "no Undercroft runtime at /x/runtime.json: there is no such file; start it with",
    ),
    (
        errors.HelloRefused("tray", "wrong_token", "not the one"),
        "the broker refuses peer 'tray': wrong_token: not the one; read runtime.json again",
    ),
    (
        errors.HelloRefused("tray", "reserved_name", "it belongs to the profile"),
        "the broker refuses peer 'tray': reserved_name: it belongs to the profile; connect under",
    ),
    (
        errors.HelloRefused("tray", "displaced", "another one proved it"),
        "the broker refuses peer 'tray': displaced: another one proved it; this connection has ended",
    ),
    (
        errors.HelloRefused("tray", "wrong_version", "3 was found"),
        "the broker refuses peer 'tray': wrong_version: 3 was found; update the older one",
    ),
    (errors.HelloRefused("tray", "later_reason", "no"), "the broker refuses peer 'tray': later_reason: no"),
    (
        errors.UnsafePlace("/home/x", "it belongs to user 7, expected user 8", "chown /home/x"),
        "/home/x: it belongs to user 7, expected user 8, so what lies there cannot be trusted; run: chown",
    ),
    (
        errors.UnsafeEndpoint("tcp://0.0.0.0:*", "loopback only"),
        "tcp://0.0.0.0:*: loopback only; expected ipc://",
    ),
    (
        errors.PublishRefused("app.x", "unknown_topic", "there is none"),
        "app.x: not published: unknown_topic: there is none",
    ),
    (InboxError("Verifier", "int"), "Verifier: the inbox is int; expected a union of event types"),
    (FollowedTwice("Watcher", "StockEvent"), "Watcher: it follows StockEvent, which its inbox names, too;"),
    (LifelineBroken("found x"), "lifeline: found x"),
    (LifelineClosed(), "the lifeline is closed"),
]


@pytest.mark.parametrize(
    ("error", "sentence"),
    SAMPLES,
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_an_error_reads_well_and_comes_out_of_a_pickle_as_it_was(
    error: UndercroftError, sentence: str
) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert str(error).startswith(sentence)
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_every_error_of_the_bus_is_among_these() -> None:
    abstract = {errors.UndercroftError, errors.TransientError, errors.OperatorError}
    declared = {
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, UndercroftError)
    }
    assert declared - abstract <= {type(error) for error, _ in SAMPLES}


class ArchiveTooLarge(OperatorError):
    """What an error declares: fields, defaults, a sentence."""

    path: str
    size_bytes: int
    limit_bytes: int = 1024
    words = "{path!r}: {size_bytes:,} bytes; expected at most {limit_bytes}"


class SplitArchiveTooLarge(ArchiveTooLarge):
    part: int = 1
    kind: ClassVar[str] = "split"


def test_an_error_is_made_from_its_fields_in_order_or_by_name_and_speaks_by_its_template() -> None:
    error = ArchiveTooLarge("a.zip", size_bytes=2048)
    assert (error.path, error.size_bytes, error.limit_bytes) == ("a.zip", 2048, 1024)
    assert str(error) == "'a.zip': 2,048 bytes; expected at most 1024"


def test_fields_are_inherited_and_class_variables_are_none() -> None:
    error = SplitArchiveTooLarge("a.zip", 2048, 1, part=7)
    assert error.args == ("a.zip", 2048, 1, 7)


def test_an_error_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(SplitArchiveTooLarge("a.zip", 2048, part=3)))
    assert (error.path, error.part, str(error)) == ("a.zip", 3, "'a.zip': 2,048 bytes; expected at most 1024")


@pytest.mark.parametrize(
    ("values", "named"), [((), {}), (("a", 1, 2, 3), {}), (("a", 1), {"size": 3}), (("a",), {"path": "b"})]
)
def test_an_error_that_is_made_wrongly_says_which_fields_it_takes(
    values: tuple[Any, ...], named: dict[str, Any]
) -> None:
    with pytest.raises(TypeError, match="ArchiveTooLarge takes path, size_bytes, limit_bytes"):
        ArchiveTooLarge(*values, **named)


def test_an_error_without_fields_is_an_ordinary_exception() -> None:
    assert str(UndercroftError("it broke")) == "it broke"
