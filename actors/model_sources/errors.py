"""What can be wrong with a source. No sentence contains a secret."""

from __future__ import annotations

from bus.errors import OperatorError, TransientError


class NameRefused(OperatorError):
    """A name is invalid, or what it names cannot be a model.

    Attributes:
        name: as it was given.
        detail: what was expected and what was found.
    """

    name: str
    detail: str
    words = "{name}: {detail}"


class ResolveFailed(NameRefused):
    """A name is valid, but no entry can be made of what it names."""


class SourceRefused(OperatorError):
    """A server refuses, or gives an answer that cannot be right.

    Attributes:
        url: the URL that was asked, without its query.
        detail: what was expected and what was found.
        status: the HTTP status, 0 for none.
    """

    url: str
    detail: str
    status: int = 0
    words = "{url}: {detail}"


class SourceUnreachable(TransientError):
    """A server cannot be reached, or fails by itself.

    Attributes:
        url: the URL that was asked, without its query.
        detail: what happened.
    """

    url: str
    detail: str
    words = "{url}: cannot be reached: {detail}; check the connection and try again"


class Offline(OperatorError):
    """The user switched the network off, and this would need it.

    Attributes:
        url: the URL that was not asked, without its query.
    """

    url: str
    words = (
        "{url}: not asked, because the app is offline; unset UNDERCROFT_OFFLINE and "
        "HF_HUB_OFFLINE, and the setting models.offline, to ask it"
    )
