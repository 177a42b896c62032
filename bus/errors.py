"""The root of all errors, and those of the bus."""

from __future__ import annotations

from typing import Any, ClassVar, Final, Literal, dataclass_transform

FailureKind = Literal["no_responder", "restarting", "died", "deadline", "busy", "refused", "invalid"]
"""Why a request has no reply. `no_responder`: no peer serves the topic. `restarting`: its server is due back.
`died`: its server ended while it had the request. `deadline`: no reply in time. `busy`: its queue is full.
`refused`: the server or the broker says no. `invalid`: the request could not be read."""


@dataclass_transform(eq_default=False)
class UndercroftError(Exception):
    """Root of every error that Undercroft raises on purpose.

    A subclass declares its data as annotated fields, and its sentence as a template over them:

        class ArchiveTooLarge(OperatorError):
            path: str
            size_bytes: int
            limit_bytes: int = 1 << 30
            words = "{path}: {size_bytes:,} bytes; expected at most {limit_bytes:,}"

    It is then made with its fields, in order or by name, and can be pickled. What a template cannot say, a
    `__str__` of its own does.

    Attributes:
        words: template of the sentence: what, where, expected against found, and the next step.
    """

    words: ClassVar[str] = ""
    _fields: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = [
            name
            for name, kind in cls.__dict__.get("__annotations__", {}).items()  # noqa: RUF063  # own ones only
            if not str(kind).startswith("ClassVar")
        ]
        if own:
            cls._fields = (*(name for name in cls._fields if name not in own), *own)

    def __init__(self, *values: Any, **named: Any) -> None:
        fields = self._fields
        if not fields:
            super().__init__(*values)
            return
        if not named and len(values) == len(fields):  # the common case: errors are made on busy paths, too
            vars(self).update(zip(fields, values, strict=True))
            super().__init__(*values)
            return
        given = dict(zip(fields, values, strict=False)) | named
        missing = [name for name in fields if name not in given and not hasattr(type(self), name)]
        if missing or len(values) > len(fields) or not given.keys() <= set(fields):
            raise TypeError(
                f"{type(self).__name__} takes {', '.join(fields)}; found {values!r} and {named!r}"
            )
        for name in fields:
            setattr(self, name, given[name] if name in given else getattr(type(self), name))
        super().__init__(*(getattr(self, name) for name in fields))  # in order, so that it can be pickled

    def __str__(self) -> str:
        return self.words.format_map(vars(self)) if self.words else super().__str__()


class TransientError(UndercroftError):
    """May succeed when it is tried again, although no person changed anything."""


class OperatorError(UndercroftError):
    """A person has to change something first: a setting, a file, a permission, a command line."""


class RequestFailed(UndercroftError):
    """A request had an outcome other than its reply.

    Attributes:
        kind: which of the seven failures it was.
        message: a sentence from the peer or broker that decided it.
        topic: topic of the request.
    """

    kind: FailureKind
    message: str
    topic: str = ""

    def __str__(self) -> str:
        return f"{self.topic or 'request'}: {self.kind}: {self.message}"


class Refused(UndercroftError):
    """Raised by a handler: the request is understood, and the answer is no."""

    message: str
    words = "{message}"


class ProtocolError(UndercroftError):
    """Frames that break the wire protocol (bus/PROTOCOL.md).

    Attributes:
        reason: a word that is counted in statistics, such as `truncated` or `oversize`.
        detail: what was expected and what was found.
    """

    reason: str
    detail: str
    words = "{reason}: {detail}"


class NotRunning(OperatorError):
    """No runtime can be reached for this app or home."""

    path: str
    detail: str
    words = "no Undercroft runtime at {path}: {detail}; start it with 'undercroft up'"


class UnsafePlace(NotRunning):
    """A home, a `runtime.json` or a directory of sockets is not ours alone, so that nothing in it is trusted.

    Attributes:
        path: of what is wrong; it may be a directory above.
        detail: who else owns it, or can write to it.
        command: that mends it, for a shell.
    """

    command: str
    words = "{path}: {detail}, so what lies there cannot be trusted; run: {command}"


class HelloRefused(OperatorError):
    """The broker does not admit this peer, or admits it no longer.

    Attributes:
        reason: `reserved_name`, `displaced`, `duplicate_name`, `wrong_token`, `wrong_version` and the like.
        detail: what the broker found.
    """

    name: str
    reason: str
    detail: str
    words = "the broker refuses peer {name!r}: {reason}: {detail}"

    def __str__(self) -> str:
        told = super().__str__()
        step = _HELLO_STEPS.get(self.reason)
        return told if step is None else f"{told}; {step.format(name=self.name)}"


_HELLO_STEPS: Final = {
    "displaced": "this connection has ended; connect again under another name, or end that peer first",
    "duplicate_name": "end that peer first, or connect under another name",
    "peers_full": "end peers that are not needed, then connect again",
    "reserved_name": "connect under another name, or with the credential that the runtime made for '{name}'"
    " (UNDERCROFT_CREDENTIAL in the environment of its process)",
    "wrong_token": "read runtime.json again, and connect with what it says",
    "wrong_version": "update the older one of the two",
}
"""What to do after a refusal, by its reason."""


class UnsafeEndpoint(OperatorError):
    """Strangers could connect to this endpoint, so the broker does not listen there.

    Attributes:
        endpoint: where it should have listened.
        detail: the rule that this breaks.
    """

    endpoint: str
    detail: str
    words = "{endpoint}: {detail}; expected ipc://..., or tcp://127.0.0.1:* with keys"


class PublishRefused(UndercroftError):
    """The broker gave an event no place in the order, or the peer left before it did."""

    topic: str
    reason: str
    detail: str
    words = "{topic}: not published: {reason}: {detail}"
