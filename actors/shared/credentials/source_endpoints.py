"""Where the hub and the registries are asked, and whether anything is asked at all."""

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
"""Where the offline switch lies in the app's settings, if the app declares one."""
_YES: Final = frozenset({"1", "true", "yes", "on"})


class SourceEndpointRefused(OperatorError):
    """An endpoint is not the URL of a server.

    Attributes:
        option: the variable or option that holds it.
        found: what it holds.
    """

    option: str
    found: str
    words = (
        "{option}: expected a URL such as 'https://mirror.example.org', found {found!r}; correct "
        "it or leave it away"
    )


@dataclass(frozen=True)
class SourceEndpoints:
    """Which servers stand for the sources.

    Attributes:
        hub: stands for `hf:` names; without a slash at the end.
        ollama: registry of `ollama:` names; without a slash at the end.
        offline: no server is asked.
    """

    hub: str = HUB
    ollama: str = OLLAMA
    offline: bool = False

    @classmethod
    def read(cls, environment: Mapping[str, str], *, hub: str = "", ollama: str = "") -> Self:
        """What a person's environment says goes before what the profile says (`hub`, `ollama`), that before the public servers.

        Raises:
            SourceEndpointRefused: one of them is not the URL of a server.
        """
        return cls(
            hub=_endpoint(HUB_VARIABLE, environment, "[sources] hf", hub, HUB),
            ollama=_endpoint(OLLAMA_VARIABLE, environment, "[sources] ollama", ollama, OLLAMA),
            offline=offline_by(environment),
        )


def at_endpoint(url: str, endpoints: SourceEndpoints) -> str:
    """Where a file of the public hub or registry lies on the server that stands in for it; any other URL as it is.

    For manifests that were written with public URLs: whoever set `HF_ENDPOINT` means those too.
    """
    for public, endpoint in ((HUB, endpoints.hub), (OLLAMA, endpoints.ollama)):
        if endpoint != public and url.startswith(f"{public}/"):
            return endpoint + url.removeprefix(public)
    return url


def offline_by(environment: Mapping[str, str]) -> bool:
    """Whether a person's environment says that no server is asked."""
    return any(environment.get(name, "").strip().lower() in _YES for name in OFFLINE_VARIABLES)


def is_offline(settings: Mapping[str, Any]) -> bool:
    """Whether the app's settings say so (`models.offline`)."""
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
