"""Failures in words: what happened, and whether another attempt makes sense."""

from __future__ import annotations

import http.client
import pickle
import ssl

import pytest

from actors.model_downloader.transfer.http.fetch_failure import (
    BodyStalled,
    FetchFailed,
    connecting_failed,
    transfer_failed,
)


def untrusted() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError("certificate verify failed")
    error.verify_message = "self-signed certificate"
    return error


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (OSError(111, "Connection refused"), "network", "cannot be reached .*Connection refused"),
        (TimeoutError(), "network", r"cannot be reached \(timeout\)"),
        (untrusted(), "refused", r"is not trusted \(self-signed certificate\); for a private authority"),
        (http.client.InvalidURL("a b"), "refused", "the address cannot be asked for"),
        (UnicodeError("label too long"), "refused", "the address cannot be asked for"),
    ],
)
def test_error_before_the_connection_is_made(error: Exception, kind: str, words: str) -> None:
    failure = connecting_failed(error, "m/f")
    assert failure.kind == kind
    with pytest.raises(FetchFailed, match=f"^m/f: .*{words}"):
        raise failure


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (ConnectionResetError(104, "reset"), "network", "the transfer was interrupted .*reset"),
        (http.client.IncompleteRead(b""), "network", "the transfer was interrupted"),
        (TimeoutError(), "network", "no byte came for too long"),
        (BodyStalled("only 3 bytes came in 30 s"), "network", "only 3 bytes came in 30 s; check"),
        (http.client.LineTooLong("header line"), "server", "more header fields than are read"),
        (http.client.HTTPException("got more than 100 headers"), "server", "more header fields"),
        (untrusted(), "refused", r"is not trusted \(self-signed"),
    ],
)
def test_error_on_a_connection(error: Exception, kind: str, words: str) -> None:
    failure = transfer_failed(error, "m/f")
    assert failure.kind == kind
    with pytest.raises(FetchFailed, match=f"^m/f: .*{words}"):
        raise failure


def test_failure_can_be_pickled_with_all_it_says() -> None:
    failure = FetchFailed("server", "m/f: later", "7", "https://models.example/f", ("Basic",))
    found = pickle.loads(pickle.dumps(failure))
    assert vars(found) == vars(failure)
    assert str(found) == "m/f: later"
