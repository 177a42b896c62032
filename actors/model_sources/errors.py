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

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(name, detail)
        self.name = name
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.name}: {self.detail}"


class SourceRefused(OperatorError):
    """A server says no, or says what cannot be believed.

    Attributes:
        url: what was asked, without its query.
        detail: what was expected and what was found.
        status: the HTTP status, 0 for none.
    """

    def __init__(self, url: str, detail: str, status: int = 0) -> None:
        super().__init__(url, detail, status)
        self.url = url
        self.detail = detail
        self.status = status

    def __str__(self) -> str:
        return f"{self.url}: {self.detail}"


class SourceUnreachable(TransientError):
    """A server cannot be reached, or has trouble of its own.

    Attributes:
        url: what was asked, without its query.
        detail: what happened.
    """

    def __init__(self, url: str, detail: str) -> None:
        super().__init__(url, detail)
        self.url = url
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.url}: cannot be reached: {self.detail}; check the connection and try again"


class Offline(OperatorError):
    """The network is switched off by a person's wish, and this would need it.

    Attributes:
        url: what would have been asked, without its query.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url

    def __str__(self) -> str:
        return f"{self.url}: not asked, since the app is offline; unset UNDERCROFT_OFFLINE and HF_HUB_OFFLINE, and the setting models.offline, to ask it"


class ResolvingFailed(NameRefused):
    """A name was read well, but what it names cannot be resolved to an entry."""
