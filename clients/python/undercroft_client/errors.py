"""What can go wrong between a client and the runtime."""

from __future__ import annotations


class ClientError(Exception):
    """Root of every error that this package raises on purpose."""


class NotRunning(ClientError):
    """No runtime can be reached.

    Attributes:
        path: the `runtime.json` that was looked for.
        detail: what is wrong with it.
    """

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(path, detail)
        self.path = path
        self.detail = detail

    def __str__(self) -> str:
        return f"no Undercroft runtime at {self.path}: {self.detail}; start it with 'undercroft up'"


class UnsafePlace(NotRunning):
    """A `runtime.json`, or the directory of the sockets, is not ours alone, so that it is not believed.

    Attributes:
        path: of what is wrong; it may be a directory above.
        detail: who else owns it, or can write to it.
        command: that mends it, for a shell.
    """

    def __init__(self, path: str, detail: str, command: str) -> None:
        super().__init__(path, detail)
        self.args = (path, detail, command)
        self.command = command

    def __str__(self) -> str:
        return f"{self.path}: {self.detail}, so what lies there cannot be trusted; run: {self.command}"


class HelloRefused(ClientError):
    """The broker does not admit this client.

    Attributes:
        reason: `wrong_version`, `wrong_token`, `invalid_name`, `duplicate_name`, `peers_full`;
            `reserved_name`: the name needs its credential; `displaced`: another peer has the name now;
            `denied`: the keys do not match; `unsafe_place`: others may listen in place of the broker.
        detail: what was expected and what was found.
    """

    def __init__(self, name: str, reason: str, detail: str) -> None:
        super().__init__(name, reason, detail)
        self.name = name
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"the broker refuses peer {self.name!r}: {self.reason}: {self.detail}"


class RequestFailed(ClientError):
    """A request had an outcome other than its reply.

    Attributes:
        kind: `no_responder`, `restarting`, `died`, `deadline`, `busy`, `refused` or `invalid`.
        message: a sentence from the peer or broker that decided it.
        topic: topic of the request.
    """

    def __init__(self, kind: str, message: str, topic: str = "") -> None:
        super().__init__(kind, message, topic)
        self.kind = kind
        self.message = message
        self.topic = topic

    def __str__(self) -> str:
        return f"{self.topic or 'request'}: {self.kind}: {self.message}"


class PublishRefused(ClientError):
    """The broker gave an event no place in the order.

    Attributes:
        reason: such as `unknown_topic`; `oversize` or `unsendable` if the client did not even send it.
        detail: what was expected and what was found.
    """

    def __init__(self, topic: str, reason: str, detail: str) -> None:
        super().__init__(topic, reason, detail)
        self.topic = topic
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.topic}: not published: {self.reason}: {self.detail}"


class Refused(ClientError):
    """Raised by a handler: the request is understood, and the answer is no."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return self.message
