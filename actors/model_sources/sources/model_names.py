"""Names of models, as users type them. Pure.

hf:org/repo[@revision][:file or glob]
oci:registry/name[:tag][@sha256:digest]
ollama:name[:tag]
https://host/path/file[#sha256=digest]
file:/path/to/file or directory
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, unquote

from actors.model_sources.errors import NameRefused
from actors.shared.http.answers.field_values import read_digest
from actors.shared.http.urls import url_parts, url_problem
from actors.shared.manifest.manifest_paths import file_of_url, file_url_problem, path_problem

NAME_LIMIT_CHARACTERS: Final = 2000
FORMS: Final = (
    "hf:org/repo[@revision][:file], oci:registry/name:tag, ollama:name:tag, https://host/file#sha256=..., "
    "file:/path"
)

_HUB: Final = re.compile(
    r"(?P<repository>[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9_][\w.-]{0,95})"
    r"(?:@(?P<revision>[\w./-]{1,200}))?(?::(?P<pattern>.{1,500}))?",
    re.ASCII,
)
_PART: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REGISTRY: Final = re.compile(
    r"(?P<registry>(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::\d{1,5})?)"
    rf"/(?P<path>{_PART}(?:/{_PART})*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?",
    re.ASCII,
)
_OLLAMA: Final = re.compile(
    r"(?:(?P<user>[A-Za-z0-9][\w.-]{0,79})/)?(?P<model>[A-Za-z0-9][\w.-]{0,79})(?::(?P<tag>\w[\w.-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?",
    re.ASCII,
)


@dataclass(frozen=True)
class HubName:
    """A repository of the hub.

    Attributes:
        repository: `organization/name`.
        revision: branch, tag or commit.
        pattern: a path, a directory with a slash at its end, or a glob; empty for the whole repository.
    """

    repository: str
    revision: str = "main"
    pattern: str = ""


@dataclass(frozen=True)
class RegistryName:
    """An image of a registry.

    Attributes:
        registry: host and port; empty for the registry of `ollama:` names.
        path: name of the repository, such as `library/tiny`.
        reference: tag or digest.
    """

    registry: str
    path: str
    reference: str = "latest"


@dataclass(frozen=True)
class UrlName:
    """One file behind a URL; `sha256` is empty if the name does not say it."""

    url: str
    sha256: str = ""


@dataclass(frozen=True)
class FileName:
    """A file or a directory of this machine."""

    path: Path


ModelName = HubName | RegistryName | UrlName | FileName


def read_name(name: str) -> ModelName:
    """Parse a name.

    Raises:
        NameRefused: it is invalid; the sentence says what was expected.
    """
    if len(name) > NAME_LIMIT_CHARACTERS or not name.isprintable():
        raise NameRefused(f"{name[:60]!r}", f"expected at most {NAME_LIMIT_CHARACTERS} printable characters")
    scheme, colon, rest = name.partition(":")
    reader = _READERS.get(scheme.lower()) if colon else None
    if reader is None:
        raise NameRefused(name, f"expected a name such as {FORMS}")
    return reader(name, rest)


def source_of(name: ModelName) -> tuple[str, ...]:
    """Return the name without its revision. Two names with the same source mean the same model."""
    match name:
        case HubName():
            return "hf", name.repository.lower(), name.pattern
        case RegistryName():
            return (
                "oci",
                name.registry,
                name.path,
                "" if name.reference.startswith("sha256:") else name.reference,
            )
        case UrlName():
            return "url", name.url
        case FileName():
            return "file", str(name.path)


def file_name_of(name: UrlName) -> str:
    """The name of the file behind a URL; empty for that of a directory."""
    parts = url_parts(name.url)
    return unquote(parts.path).rpartition("/")[2] if parts else ""


def _hub(name: str, rest: str) -> HubName:
    found = _HUB.fullmatch(rest)
    if found is None:
        raise NameRefused(
            name, "expected hf:org/repo[@revision][:file], such as hf:ggerganov/whisper.cpp:ggml-tiny.bin"
        )
    revision, pattern = found["revision"] or "main", found["pattern"] or ""
    if any(part in ("", ".", "..") for part in (*revision.split("/"), *found["repository"].split("/"))):
        raise NameRefused(name, f"{revision!r} is not a revision")
    if pattern and (problem := _pattern_problem(pattern)):
        raise NameRefused(name, f"{pattern!r} is not a path or glob inside a repository: {problem}")
    return HubName(found["repository"], revision, pattern)


def _pattern_problem(pattern: str) -> str | None:
    """Say what is wrong with a pattern: a path that may contain `*` and `?` and end with a slash."""
    return path_problem(pattern.removesuffix("/").translate(str.maketrans("*?", "xx")))


def _registry(name: str, rest: str) -> RegistryName:
    found = _REGISTRY.fullmatch(rest)
    if (
        found is None
        or not re.search(r"[.:\[]|^localhost$", found["registry"])
        or url_problem(f"https://{found['registry']}/")
    ):
        raise NameRefused(
            name, "expected oci:registry/name[:tag][@sha256:digest], such as oci:ghcr.io/org/model:1.0"
        )
    registry, path = found["registry"].lower(), found["path"]
    if registry in ("docker.io", "index.docker.io"):
        registry, path = "registry-1.docker.io", path if "/" in path else f"library/{path}"
    return RegistryName(registry, path, found["digest"] or found["tag"] or "latest")


def _ollama(name: str, rest: str) -> RegistryName:
    found = _OLLAMA.fullmatch(rest)
    if found is None:
        raise NameRefused(name, "expected ollama:name[:tag], such as ollama:qwen2.5:0.5b")
    return RegistryName(
        "",
        f"{(found['user'] or 'library').lower()}/{found['model'].lower()}",
        found["digest"] or found["tag"] or "latest",
    )


def _url(name: str, rest: str) -> UrlName:
    url, _, fragment = name.partition("#")
    if problem := url_problem(url):
        raise NameRefused(
            name.partition("?")[0].rpartition("@")[2],
            f"{problem}; expected https://host/path/file#sha256=...",
        )
    sha256 = parse_qs(fragment).get("sha256", [""])[0].lower()
    if fragment and read_digest(f"sha256:{sha256}") is None:
        raise NameRefused(name.partition("?")[0], "expected #sha256= and 64 hex digits behind the URL")
    if not file_name_of(UrlName(url)):
        raise NameRefused(name.partition("?")[0], "expected the URL of a file, found that of a directory")
    return UrlName(url, sha256)


def _file(name: str, rest: str) -> FileName:
    if rest.startswith("//"):
        if problem := file_url_problem(name):
            raise NameRefused(name, problem)
        return FileName(file_of_url(name))
    path = Path(rest)
    if not path.is_absolute() or ".." in path.parts:
        raise NameRefused(
            name, "expected an absolute path without '..', such as file:/media/stick/model.gguf"
        )
    return FileName(path)


_READERS: Final[dict[str, Callable[[str, str], ModelName]]] = {
    "hf": _hub,
    "oci": _registry,
    "ollama": _ollama,
    "https": _url,
    "http": _url,
    "file": _file,
}
