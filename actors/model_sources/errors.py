"""What can be wrong with a source, in sentences that hold no secret."""

from __future__ import annotations

from actors.shared.manifest import ManifestRefused as ManifestRefused
from bus.errors import OperatorError, TransientError


class NameRefused(OperatorError):
    """A name is none, or what it names cannot be a model.

    Attributes:
        name: as it was given.
        detail: what was expected and what was found.
    """

    name: str
    detail: str
    words = "{name}: {detail}"


class SourceRefused(OperatorError):
    """A server says no, or says what cannot be believed.

    Attributes:
        url: what was asked, without its query.
        detail: what was expected and what was found.
        status: the HTTP status, 0 for none.
    """

    url: str
    detail: str
    status: int = 0
    words = "{url}: {detail}"


class SourceUnreachable(TransientError):
    """A server cannot be reached, or has trouble of its own.

    Attributes:
        url: what was asked, without its query.
        detail: what happened.
    """

    url: str
    detail: str
    words = "{url}: cannot be reached: {detail}; check the connection and try again"


class Offline(OperatorError):
    """The network is switched off by a person's wish, and this would need it.

    Attributes:
        url: what would have been asked, without its query.
    """

    url: str
    words = (
        "{url}: not asked, since the app is offline; unset UNDERCROFT_OFFLINE and "
        "HF_HUB_OFFLINE, and the setting models.offline, to ask it"
    )


class ResolvingFailed(NameRefused):
    """A name was read well, but what it names cannot be resolved to an entry."""
