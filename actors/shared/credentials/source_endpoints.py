"""Says which servers stand for the hub and the registries, and whether any server may be asked. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from actors.shared.http.urls import origin_of
from bus.errors import OperatorError

HUB: Final = "https://huggingface.co"
OLLAMA: Final = "https://registry.ollama.ai"
OFFLINE_VARIABLES: Final = ("UNDERCROFT_OFFLINE", "HF_HUB_OFFLINE")
HUB_VARIABLE: Final = "HF_ENDPOINT"
OLLAMA_VARIABLE: Final = "UNDERCROFT_OLLAMA_ENDPOINT"
OFFLINE_SETTING: Final = ("models", "offline")
"""Section and name of the offline switch in the app's settings, if the app declares one."""
_YES: Final = frozenset({"1", "true", "yes", "on"})


class SourceEndpointRefused(OperatorError):
    """An endpoint is not the URL of a server.

    Attributes:
        option: that names it: a variable, or an option of the profile.
        found: value of that option.
    """

    option: str
    found: str
    words = (
        "{option}: expected a URL such as 'https://mirror.example.org', found {found!r}; correct it "
        "or leave it out"
    )


@dataclass(frozen=True)
class SourceEndpoints:
    """Which servers to ask.

    Attributes:
        hub: for `hf:` names; without a slash at the end.
        ollama: registry of `ollama:` names; without a slash at the end.
        offline: ask no server.
    """

    hub: str = HUB
    ollama: str = OLLAMA
    offline: bool = False

    @classmethod
    def read(cls, environment: Mapping[str, str], *, hub: str = "", ollama: str = "") -> Self:
        """The endpoints: from the environment, otherwise from the profile, otherwise the public ones.

        Args:
            environment: of the person.
            hub: from the profile; empty for none.
            ollama: from the profile; empty for none.

        Raises:
            SourceEndpointRefused: one of them is not the URL of a server.
        """
        return cls(
            hub=_endpoint(HUB_VARIABLE, environment, "[sources] hf", hub, HUB),
            ollama=_endpoint(OLLAMA_VARIABLE, environment, "[sources] ollama", ollama, OLLAMA),
            offline=offline_by(environment),
        )


def at_endpoint(url: str, endpoints: SourceEndpoints) -> str:
    """The URL of a file of the public hub or registry on the server that stands in; any other URL unchanged.

    Manifests have public URLs, and `HF_ENDPOINT` applies to those, too.
    """
    for public, endpoint in ((HUB, endpoints.hub), (OLLAMA, endpoints.ollama)):
        if endpoint != public and url.startswith(f"{public}/"):
            return endpoint + url.removeprefix(public)
    return url


def offline_by(environment: Mapping[str, str]) -> bool:
    """Whether the environment forbids to ask any server."""
    return any(environment.get(name, "").strip().lower() in _YES for name in OFFLINE_VARIABLES)


def is_offline(settings: Mapping[str, Any]) -> bool:
    """Whether the app's settings forbid it (`models.offline`)."""
    section, name = OFFLINE_SETTING
    found = settings.get(section)
    return isinstance(found, Mapping) and found.get(name) is True


def _endpoint(variable: str, environment: Mapping[str, str], option: str, declared: str, public: str) -> str:
    if given := environment.get(variable, "").strip():
        option = variable
    found = (given or declared or public).rstrip("/")
    if not origin_of(found) or "?" in found or "#" in found:
        raise SourceEndpointRefused(option, found.rpartition("@")[2])
    return found
