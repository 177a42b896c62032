"""What the hub says about a repository, and which of its files a name means. Pure.

Hub API, `/api/models/{repository}/revision/{revision}?blobs=true`: `sha` is the commit, and `siblings` are
the files with their size, git's id of the blob (SHA-1 over a header and the content) and, for large files,
the SHA-256 in LFS.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Final
from urllib.parse import quote

import msgspec

from actors.model_sources.errors import ResolveFailed
from actors.model_sources.sources.entry_builder import few_of, plain_text
from actors.model_sources.sources.model_names import HubName
from actors.shared.http.answers.json_answers import JsonUnreadable, fitting, read_json
from actors.shared.http.answers.stranger_text import quoted
from actors.shared.manifest.manifest_paths import path_problem
from schemas.bounds import Count, Sentence, UrlText, Word, whole
from schemas.manifest import Sha256

ANSWER_LIMIT_BYTES: Final = 16 * 1024 * 1024
FILES_LIMIT: Final = 2000
SMALL_FILE_LIMIT_BYTES: Final = 16 * 1024 * 1024
"""A file outside LFS is fetched once to hash it. The hub wants anything larger than 10 MB in LFS."""
SMALL_FILES_LIMIT_BYTES: Final = 64 * 1024 * 1024
CHOICES_SHOWN: Final = 12

_NOT_OF_A_MODEL: Final = re.compile(
    r"(?:^|/)\.|\.(?:md|png|jpe?g|gif|svg|webp|mp4)$|(?:^|/)(?:LICEN[CS]E[^/]*|NOTICE)$", re.IGNORECASE
)
_SPLIT: Final = re.compile(r"-\d{5}-of-\d{5}(?=\.gguf$)")

Commit = Annotated[str, msgspec.Meta(pattern=whole(r"[0-9a-f]{40}"))]


class HubLfs(msgspec.Struct, frozen=True):
    """What the hub says about a file in LFS."""

    sha256: Sha256
    size: Count


class HubFile(msgspec.Struct, frozen=True, rename={"path": "rfilename", "blob_id": "blobId"}):
    """What the hub says about a file.

    Attributes:
        path: inside the repository.
        size: of the content, or of the LFS pointer.
        blob_id: git's id of the content, or of the LFS pointer.
        lfs: None for a small file, of which the hub knows no SHA-256.
    """

    path: Annotated[str, msgspec.Meta(max_length=1000)]
    size: Count | None = None
    blob_id: Annotated[str, msgspec.Meta(pattern=whole(r"[0-9a-f]{40}"))] | None = None
    lfs: HubLfs | None = None

    @property
    def size_bytes(self) -> int | None:
        """Length of the content, not of the LFS pointer."""
        return self.lfs.size if self.lfs else self.size


class HubCard(msgspec.Struct, frozen=True):
    """What the README of a repository says about its licence; each field may be anything."""

    license: msgspec.Raw = msgspec.Raw()
    license_name: msgspec.Raw = msgspec.Raw()
    license_link: msgspec.Raw = msgspec.Raw()


class HubRepository(msgspec.Struct, frozen=True, rename={"task": "pipeline_tag", "card": "cardData"}):
    """What the hub says about one revision of a repository.

    Attributes:
        sha: the commit.
        siblings: its files.
        task: what the model is for.
        tags: such as `license:mit`.
        gated: `false` unless users must accept a licence first.
        card: metadata from its README, undecoded.
    """

    sha: Commit
    siblings: Annotated[list[HubFile], msgspec.Meta(max_length=100_000)] = []
    task: Word | None = None
    tags: list[Sentence] | None = None
    gated: msgspec.Raw = msgspec.Raw(b"false")
    card: msgspec.Raw = msgspec.Raw()


@dataclass(frozen=True)
class HubLicence:
    """What is known of a licence; `must_accept`: the hub asks every user to accept it."""

    name: str
    url: str
    must_accept: bool


def api_url(endpoint: str, name: HubName) -> str:
    """Return the URL that lists the files of a repository."""
    return f"{endpoint}/api/models/{name.repository}/revision/{quote(name.revision, safe='')}?blobs=true"


def file_url(endpoint: str, name: HubName, commit: str, path: str) -> str:
    """Return the URL of a file of one commit."""
    return f"{endpoint}/{name.repository}/resolve/{commit}/{quote(path)}"


def read_repository(content: bytes, label: str) -> HubRepository:
    """Read the hub's answer.

    Args:
        content: of the answer.
        label: names the repository in errors.

    Raises:
        ResolveFailed: it is not an answer about a repository.
    """
    try:
        return read_json(content, HubRepository, ANSWER_LIMIT_BYTES)
    except JsonUnreadable as error:
        detail = f"the hub's answer cannot be read: {error}; check the endpoint"
        raise ResolveFailed(label, detail) from error


def choose(repository: HubRepository, name: HubName, label: str) -> tuple[list[HubFile], list[str]]:
    """Choose the files that a name means.

    Without a pattern these are all files, except pictures, readmes and licences. If there are several
    quantizations (GGUF), the name must choose one.

    Args:
        repository: what the hub says.
        name: with an optional pattern.
        label: names the repository in errors.

    Returns:
        The files, and those left out with the reason.

    Raises:
        ResolveFailed: no file matches, too many do, or there are several quantizations.
    """
    wanted = [file for file in repository.siblings if _matches(file.path, name.pattern)]
    skipped: list[str] = []
    if not name.pattern:
        skipped = [
            f"{plain_text(file.path)}: not part of the model"
            for file in wanted
            if _NOT_OF_A_MODEL.search(file.path)
        ]
        wanted = [file for file in wanted if not _NOT_OF_A_MODEL.search(file.path)]
        variants = {_SPLIT.sub("", file.path) for file in wanted if file.path.lower().endswith(".gguf")}
        if len(variants) > 1:
            raise ResolveFailed(
                label,
                f"expected one model, found {len(variants)}; name one, such as {label}:{_listed(variants)}",
            )
    if not wanted:
        existing = _listed({file.path for file in repository.siblings}) or "no files"
        pattern = repr(name.pattern or "a model")
        raise ResolveFailed(label, f"no file of the repository matches {pattern}; it has {existing}")
    if len(wanted) > FILES_LIMIT:
        raise ResolveFailed(
            label,
            f"expected at most {FILES_LIMIT} files, found {len(wanted)}; choose some of them with a pattern",
        )
    for file in wanted:
        if problem := path_problem(file.path):
            shown = f"path {quoted(file.path)!r} of the repository"
            raise ResolveFailed(label, f"{shown} is not valid: {problem}")
    check_small_files(wanted, label)
    return wanted, few_of(skipped)


def check_small_files(files: list[HubFile], label: str) -> None:
    """Check that little must be fetched only to hash it.

    Raises:
        ResolveFailed: it is too much, or the hub does not say how much.
    """
    small = [file for file in files if file.lfs is None]
    for file in small:
        if file.size is None or file.size > SMALL_FILE_LIMIT_BYTES:
            raise ResolveFailed(
                label,
                f"{quoted(file.path)}: the hub has no SHA-256 of it, and its size is {file.size}, "
                f"expected at most {SMALL_FILE_LIMIT_BYTES}",
            )
    total = sum(file.size or 0 for file in small)
    if total > SMALL_FILES_LIMIT_BYTES:
        raise ResolveFailed(
            label,
            f"{total} bytes would be fetched to hash them, expected at most {SMALL_FILES_LIMIT_BYTES}; "
            "choose some of the files with a pattern",
        )


def licence_of(repository: HubRepository) -> HubLicence:
    """Return what the repository says about its licence; empty where it says nothing."""
    card = fitting(repository.card, HubCard) or HubCard()
    tagged = next(
        (tag.removeprefix("license:") for tag in repository.tags or [] if tag.startswith("license:")), ""
    )
    several = fitting(card.license, list[Word]) or []
    name = fitting(card.license, Word) or ", ".join(several[:CHOICES_SHOWN]) or tagged
    if name == "other":
        name = fitting(card.license_name, Word) or name
    link = fitting(card.license_link, UrlText) or ""
    is_url = link.startswith("https://")  # else it is a file of the repository
    return HubLicence(name, link if is_url else "", fitting(repository.gated, bool) is not False)


def git_blob_id(content: bytes) -> str:
    """Return git's id of a file (SHA-1, which shows a mix-up but not an attack)."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _matches(path: str, pattern: str) -> bool:
    if not pattern or path == pattern:
        return True
    if pattern.endswith("/"):
        return path.startswith(pattern)
    return fnmatchcase(path, pattern)


def _listed(paths: set[str]) -> str:
    shown = [plain_text(path) for path in sorted(paths)[:CHOICES_SHOWN]]
    return ", ".join(shown) + (", ..." if len(paths) > CHOICES_SHOWN else "")
