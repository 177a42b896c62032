"""Why a file could not be fetched, in words for people, and whether another attempt makes sense."""

from __future__ import annotations

import http.client
import ssl
from typing import Literal

from actors.shared.http.answers.stranger_text import quoted, sentence
from bus.errors import UndercroftError

FailureKind = Literal["network", "server", "mismatch", "refused", "disk"]
"""`network`: timeouts, resets, transfers cut short. `server`: it said try again later, or something unusable.
`mismatch`: the bytes are not those that were promised. `refused`: asking the same URL again is pointless.
`disk`: the bytes could not be kept."""


class FetchFailed(UndercroftError):
    """An attempt to fetch a file ended without all of its bytes.

    Attributes:
        kind: decides whether another attempt makes sense.
        problem: a sentence for a person.
        retry_after: value of that header, if the server sent one.
        url: the URL that wants credentials; empty for none.
        challenges: the WWW-Authenticate headers that it sent.
    """

    kind: FailureKind
    problem: str
    retry_after: str | None = None
    url: str = ""
    challenges: tuple[str, ...] = ()
    words = "{problem}"

    def __str__(self) -> str:
        return sentence(self.problem)


class BodyStalled(TimeoutError):
    """Hardly any bytes of a body came within the time of a stall."""


def connecting_failed(error: Exception, path: str) -> FetchFailed:
    """The failure that an error before the connection was made amounts to.

    Args:
        error: what happened.
        path: names the file.
    """
    if failure := _refused(error, path):
        return failure
    problem = f"the server cannot be reached ({quoted(str(error)) or 'timeout'})"
    return FetchFailed("network", f"{path}: {problem}; check the connection")


def transfer_failed(error: Exception, path: str) -> FetchFailed:
    """The failure that an error on a connection amounts to, before or within the body.

    Args:
        error: what happened.
        path: names the file.
    """
    if failure := _refused(error, path):
        return failure
    if isinstance(error, BodyStalled):
        return FetchFailed("network", f"{path}: {error}; check the connection")
    if isinstance(error, TimeoutError):
        return FetchFailed("network", f"{path}: no byte came for too long; check the connection")
    if isinstance(error, http.client.LineTooLong) or type(error) is http.client.HTTPException:
        what = f"more header fields than are read ({quoted(str(error))})"
        return FetchFailed("server", f"{path}: the server sends {what}")
    problem = f"the transfer was interrupted ({quoted(str(error)) or type(error).__name__})"
    return FetchFailed("network", f"{path}: {problem}")


def unforeseen_failure(error: Exception, path: str) -> FetchFailed:
    """The failure that an error of ours amounts to: it ends the attempt like any other, and says why.

    Args:
        error: what happened.
        path: names the file or the model.
    """
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    found = f"{type(error).__name__}: {quoted(str(error))}"
    problem = f"an error that nobody foresaw ended it ({found}); report it"
    return FetchFailed("refused", f"{path}: {problem}")


def _refused(error: Exception, path: str) -> FetchFailed | None:
    """The failure if trying again is pointless."""
    if isinstance(error, ssl.SSLCertVerificationError):
        problem = f"the certificate of the server is not trusted ({quoted(error.verify_message)})"
        return FetchFailed("refused", f"{path}: {problem}; for a private authority set SSL_CERT_FILE")
    if isinstance(error, http.client.InvalidURL | ValueError) and not isinstance(error, OSError):
        return FetchFailed("refused", f"{path}: the address cannot be asked for ({quoted(str(error))})")
    return None
