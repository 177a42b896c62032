"""All errors have one root, survive pickling, and say what happened."""

from __future__ import annotations

import pickle

import pytest

from bus import errors
from bus.actor import InboxError
from bus.errors import UndercroftError
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
        "the broker refuses peer 'tray': wrong_token: not the one",
    ),
    (
        errors.EndpointRefused("tcp://0.0.0.0:*", "loopback only"),
        "tcp://0.0.0.0:*: loopback only; expected ipc://",
    ),
    (
        errors.PublishRefused("app.x", "unknown_topic", "there is none"),
        "app.x: not published: unknown_topic: there is none",
    ),
    (InboxError("Verifier", "int"), "Verifier: the inbox is int; expected a union of event types"),
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
