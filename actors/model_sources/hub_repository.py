"""The hub's answer about a repository, and which of its files a name means. Pure.

Hub API, `/api/models/{repository}/revision/{revision}?blobs=true`: `sha` is the commit, `siblings` the files
with size, git's id of the blob (SHA-1 over a header and the content) and, for large files, the SHA-256 that
LFS keeps.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

import msgspec

from actors.model_sources.entry_builder import plain_text
from actors.model_sources.errors import ResolvingFailed
from actors.model_sources.model_names import HubName
from actors.shared.manifest.manifest_paths import path_problem
from schemas.manifest import Sha256

ANSWER_LIMIT_BYTES: Final = 16 * 1024 * 1024
FILES_LIMIT: Final = 2000
SMALL_FILE_LIMIT_BYTES: Final = 16 * 1024 * 1024
"""A file outside LFS is fetched once to hash it; the hub wants anything beyond 10 MB in LFS."""
SMALL_FILES_LIMIT_BYTES: Final = 64 * 1024 * 1024
CHOICES_SHOWN: Final = 12

_IDLE = re.compile(
    r"(?:^|/)\.|\.(?:md|png|jpe?g|gif|svg|webp|mp4)$|(?:^|/)(?:LICEN[CS]E[^/]*|NOTICE)$", re.IGNORECASE
)
_SPLIT = re.compile(r"-\d{5}-of-\d{5}(?=\.gguf$)")

Commit = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{40}$")]


class Lfs(msgspec.Struct, frozen=True):
    """What the hub says of a file in LFS."""

    sha256: Sha256
    size: Annotated[int, msgspec.Meta(ge=0)]


class Sibling(msgspec.Struct, frozen=True, rename={"path": "rfilename", "blob_id": "blobId"}):
    """What the hub says of a file. `lfs` is None for a small one, of which it knows no SHA-256."""

    path: Annotated[str, msgspec.Meta(max_length=1000)]
    size: Annotated[int, msgspec.Meta(ge=0)] | None = None
    blob_id: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{40}$")] | None = None
    lfs: Lfs | None = None

    @property
    def size_bytes(self) -> int | None:
        """Length of the content, not of the LFS pointer."""
        return self.lfs.size if self.lfs else self.size


class Repository(msgspec.Struct, frozen=True, rename={"task": "pipeline_tag", "card": "cardData"}):
    """What the hub says of one revision of a repository."""

    sha: Commit
    siblings: Annotated[list[Sibling], msgspec.Meta(max_length=100_000)] = []
    task: str | None = None
    tags: list[str] | None = None
    gated: bool | Literal["auto", "manual"] = False
    card: dict[str, Any] | None = None


@dataclass(frozen=True)
class Licence:
    """What is known of a licence; `must_accept`: the hub asks everyone to accept it."""

    name: str
    url: str
    must_accept: bool


def api_url(endpoint: str, name: HubName) -> str:
    """What to ask for the files of a name."""
    return f"{endpoint}/api/models/{name.repository}/revision/{quote(name.revision, safe='')}?blobs=true"


def file_url(endpoint: str, name: HubName, commit: str, path: str) -> str:
    """Where a file of one commit lies, for ever."""
    return f"{endpoint}/{name.repository}/resolve/{commit}/{quote(path)}"


def read_repository(content: bytes, label: str) -> Repository:
    """Read the hub's answer; `label` is named in errors.

    Raises:
        ResolvingFailed: it is none.
    """
    try:
        return msgspec.json.decode(content, type=Repository)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ResolvingFailed(
            label, f"the hub's answer cannot be read: {error}; check the endpoint"
        ) from error


def choose(repository: Repository, name: HubName, label: str) -> tuple[list[Sibling], list[str]]:
    """The files that a name means, and those left out with the reason.

    Without a pattern it is the whole repository, but for pictures, readmes and licences; if that has several
    quantizations (GGUF), one has to be named.

    Raises:
        ResolvingFailed: none fits, too many do, or one cannot be told from another.
    """
    wanted = [sibling for sibling in repository.siblings if _fits(sibling.path, name.pattern)]
    skipped = []
    if not name.pattern:
        skipped = [
            f"{plain_text(sibling.path)}: not part of the model"
            for sibling in wanted
            if _IDLE.search(sibling.path)
        ]
        wanted = [sibling for sibling in wanted if not _IDLE.search(sibling.path)]
        variants = {
            _SPLIT.sub("", sibling.path) for sibling in wanted if sibling.path.lower().endswith(".gguf")
        }
        if len(variants) > 1:
            raise ResolvingFailed(
                label,
                f"expected one model, found {len(variants)}; name one, such as {label}:{_listed(variants)}",
            )
    if not wanted:
        there = _listed({sibling.path for sibling in repository.siblings}) or "no files"
        raise ResolvingFailed(
            label, f"no file of the repository fits {name.pattern or 'a model'!r}; it has {there}"
        )
    if len(wanted) > FILES_LIMIT:
        raise ResolvingFailed(
            label,
            f"expected at most {FILES_LIMIT} files, found {len(wanted)}; name a part of it with a pattern",
        )
    for sibling in wanted:
        if problem := path_problem(sibling.path):
            raise ResolvingFailed(label, f"path {sibling.path!r} of the repository cannot be used: {problem}")
    check_small(wanted, label)
    return wanted, skipped


def check_small(files: list[Sibling], label: str) -> None:
    """See that what has to be fetched to be hashed is little.

    Raises:
        ResolvingFailed: it is not, or the hub does not say.
    """
    total = 0
    for sibling in files:
        if sibling.lfs is None:
            if sibling.size is None or sibling.size > SMALL_FILE_LIMIT_BYTES:
                raise ResolvingFailed(
                    label,
                    f"{sibling.path}: without a SHA-256 at the hub, and its size is {sibling.size}, expected at most {SMALL_FILE_LIMIT_BYTES}",
                )
            total += sibling.size
    if total > SMALL_FILES_LIMIT_BYTES:
        raise ResolvingFailed(
            label,
            f"{total} bytes would have to be fetched to hash them, expected at most {SMALL_FILES_LIMIT_BYTES}; name a part of it with a pattern",
        )


def licence_of(repository: Repository) -> Licence:
    """What the repository says of its licence; empty where it says nothing."""
    card = repository.card or {}
    tagged = next(
        (tag.removeprefix("license:") for tag in repository.tags or [] if tag.startswith("license:")), ""
    )
    found = card.get("license")
    names = [text for text in (found if isinstance(found, list) else [found]) if isinstance(text, str)]
    own, link = card.get("license_name"), card.get("license_link")
    name = ", ".join(names) or tagged
    if name == "other" and isinstance(own, str):
        name = own
    is_whole = isinstance(link, str) and link.startswith(
        "https://"
    )  # it may also be a file of the repository
    return Licence(name, str(link) if is_whole else "", repository.gated is not False)


def git_blob_id(content: bytes) -> str:
    """What git calls a file of this content (SHA-1; tells a mix-up, not an attack)."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _fits(path: str, pattern: str) -> bool:
    if not pattern or path == pattern:
        return True
    if pattern.endswith("/"):
        return path.startswith(pattern)
    return fnmatchcase(path, pattern)


def _listed(paths: set[str]) -> str:
    shown = [plain_text(path) for path in sorted(paths)[:CHOICES_SHOWN]]
    return ", ".join(shown) + (", ..." if len(paths) > CHOICES_SHOWN else "")
