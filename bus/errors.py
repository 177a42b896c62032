"""The root of all errors, and those of the bus."""

from __future__ import annotations

from typing import Literal

FailureKind = Literal["no_responder", "restarting", "died", "deadline", "busy", "refused", "invalid"]
"""Why a request has no reply. `no_responder`: nobody serves the topic. `restarting`: its server is gone and due back.
`died`: its server ended while it had the request. `deadline`: no reply in time. `busy`: its queue is full.
`refused`: the server or the broker says no. `invalid`: the request could not be read."""


class UndercroftError(Exception):
    """Root of every error that Undercroft raises on purpose."""


class TransientError(UndercroftError):
    """May go well when tried again, with nothing changed by a person."""


class OperatorError(UndercroftError):
    """A person has to change something first: a setting, a file, a permission, a command line."""


class RequestFailed(UndercroftError):
    """A request had an outcome other than its reply.

    Attributes:
        kind: which of the seven failures it was.
        message: a sentence from whoever decided it.
        topic: topic of the request.
    """

    def __init__(self, kind: FailureKind, message: str, topic: str = "") -> None:
        super().__init__(kind, message, topic)
        self.kind = kind
        self.message = message
        self.topic = topic

    def __str__(self) -> str:
        return f"{self.topic or 'request'}: {self.kind}: {self.message}"


class Refused(UndercroftError):
    """Raised by a handler: the request is understood, and the answer is no."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return self.message


class ProtocolError(UndercroftError):
    """Frames that break the wire protocol (bus/PROTOCOL.md).

    Attributes:
        reason: a word that is counted in statistics, such as `truncated` or `oversize`.
        detail: what was expected and what was found.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


class NotRunning(OperatorError):
    """No runtime can be reached for this app or home."""

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(path, detail)
        self.path = path
        self.detail = detail

    def __str__(self) -> str:
        return f"no Undercroft runtime at {self.path}: {self.detail}; start it with 'undercroft up'"


class HelloRefused(OperatorError):
    """The broker does not let this peer in."""

    def __init__(self, name: str, reason: str, detail: str) -> None:
        super().__init__(name, reason, detail)
        self.name = name
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"the broker refuses peer {self.name!r}: {self.reason}: {self.detail}"


class EndpointRefused(OperatorError):
    """The broker does not listen where strangers could connect.

    Attributes:
        endpoint: where it was told to listen.
        detail: which rule that breaks.
    """

    def __init__(self, endpoint: str, detail: str) -> None:
        super().__init__(endpoint, detail)
        self.endpoint = endpoint
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.endpoint}: {self.detail}; expected ipc://..., or tcp://127.0.0.1:* with keys"


class PublishRefused(UndercroftError):
    """The broker gave an event no place in the order, or the peer left before it could."""

    def __init__(self, topic: str, reason: str, detail: str) -> None:
        super().__init__(topic, reason, detail)
        self.topic = topic
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.topic}: not published: {self.reason}: {self.detail}"
