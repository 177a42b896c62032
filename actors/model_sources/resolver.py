"""From a name to an entry: asks the source what it means now, and pins it."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, assert_never
from urllib.parse import quote, unquote, urlsplit

import anyio
import anyio.to_thread

from actors.model_sources import hub_repository, oci_registry
from actors.model_sources.entry_builder import category_of, make_entry, model_id_of
from actors.model_sources.errors import ResolvingFailed
from actors.model_sources.local_files import import_from
from actors.model_sources.model_names import FileName, HubName, RegistryName, UrlName, read_name
from actors.model_sources.source_client import Door
from actors.shared.credentials.source_endpoints import SourceEndpoints
from schemas.manifest import FilePromise, ModelEntry
from schemas.sources import ModelAddRequestEvent, ModelNameResolveRequestEvent

SMALL_FILES_AT_ONCE: Final = 4
_SHA256 = re.compile(r"[0-9a-f]{64}")

Question = ModelNameResolveRequestEvent | ModelAddRequestEvent


@dataclass(frozen=True)
class Resolved:
    """What a name means now.

    Attributes:
        pinned: the name with its revision.
        skipped: what the source has besides, with the reason why it is left out.
    """

    entry: ModelEntry
    pinned: str
    skipped: list[str]


class Resolver:
    """Asks sources; every method raises what `Door.read` does, and NameRefused (ResolvingFailed) for what cannot be a model."""

    def __init__(self, door: Door, endpoints: SourceEndpoints) -> None:
        self._door = door
        self._endpoints = endpoints

    async def resolve(self, question: Question) -> Resolved:
        """Find out what a name means."""
        name = read_name(question.name)
        match name:
            case HubName():
                return await self._hub(name, question)
            case RegistryName():
                return await self._registry(name, question)
            case UrlName():
                return await self._url(name, question)
            case FileName():
                return await self._file(name, question)
            case _:
                assert_never(name)

    async def _hub(self, name: HubName, question: Question) -> Resolved:
        label = f"hf:{name.repository}"
        page = await self._door.read(
            hub_repository.api_url(self._endpoints.hub, name),
            hub_repository.ANSWER_LIMIT_BYTES,
            "application/json",
        )
        repository = hub_repository.read_repository(page.content, label)
        files, skipped = hub_repository.choose(repository, name, label)
        digests = await self._small_digests(name, repository.sha, files, label)
        promises = [
            FilePromise(
                path=file.path if len(files) > 1 else PurePosixPath(file.path).name,
                size_bytes=file.size_bytes or 0,
                sha256=file.lfs.sha256 if file.lfs else digests[file.path],
                urls=[hub_repository.file_url(self._endpoints.hub, name, repository.sha, file.path)],
            )
            for file in files
        ]
        licence = hub_repository.licence_of(repository)
        stem = files[0].path if len(files) == 1 else name.repository
        entry = make_entry(
            question.name,
            promises,
            model_id=question.model_id or model_id_of(stem),
            title=f"{name.repository.partition('/')[2]}"
            + (f" ({promises[0].path})" if len(files) == 1 else ""),
            category=question.category or category_of(repository.task or "", [file.path for file in files]),
            licence=licence.name,
            licence_url=licence.url or f"{hub_page(self._endpoints.hub, name)}",
            accept_licence=licence.must_accept,
            revision=repository.sha,
        )
        return Resolved(
            entry, f"{label}@{repository.sha}" + (f":{name.pattern}" if name.pattern else ""), skipped
        )

    async def _small_digests(
        self, name: HubName, commit: str, files: list[hub_repository.Sibling], label: str
    ) -> dict[str, str]:
        """SHA-256 of the files that the hub knows none of: fetched once, and compared with git's id of them."""
        found: dict[str, str] = {}
        limiter = anyio.CapacityLimiter(SMALL_FILES_AT_ONCE)

        async def hash_one(file: hub_repository.Sibling) -> None:
            async with limiter:
                page = await self._door.read(
                    hub_repository.file_url(self._endpoints.hub, name, commit, file.path),
                    hub_repository.SMALL_FILE_LIMIT_BYTES,
                )
            if len(page.content) != file.size or (
                file.blob_id and hub_repository.git_blob_id(page.content) != file.blob_id
            ):
                raise ResolvingFailed(
                    label,
                    f"{file.path}: the {len(page.content)} bytes are not those that the hub lists ({file.size} bytes)",
                )
            found[file.path] = hashlib.sha256(page.content).hexdigest()

        await _all_of([functools.partial(hash_one, file) for file in files if file.lfs is None])
        return found

    async def _registry(self, name: RegistryName, question: Question) -> Resolved:
        label = (
            f"oci:{name.registry}/{name.path}"
            if name.registry
            else f"ollama:{name.path.removeprefix('library/')}"
        )
        base = oci_registry.base_url(name.registry, self._endpoints.ollama)
        page = await self._door.read(
            oci_registry.manifest_url(base, name), oci_registry.ANSWER_LIMIT_BYTES, oci_registry.ACCEPT
        )
        image, digest = oci_registry.read_image(page.content, page.content_type, name, label)
        layers = oci_registry.layers_of(image, label)
        licence = (image.annotations or {}).get("org.opencontainers.image.licenses", "")
        for layer in layers:
            if (
                not licence
                and layer.path == "license"
                and layer.size_bytes <= oci_registry.LICENCE_LIMIT_BYTES
            ):
                licence = oci_registry.licence_line(
                    (
                        await self._door.read(
                            oci_registry.blob_url(base, name, layer.digest), oci_registry.LICENCE_LIMIT_BYTES
                        )
                    ).content
                )
        tag = "" if name.reference.startswith("sha256:") or name.reference == "latest" else name.reference
        entry = make_entry(
            question.name,
            [
                FilePromise(
                    path=layer.path,
                    size_bytes=layer.size_bytes,
                    sha256=layer.sha256,
                    urls=[oci_registry.blob_url(base, name, layer.digest)],
                )
                for layer in layers
            ],
            model_id=question.model_id or model_id_of(name.path, tag),
            title=name.path.removeprefix("library/") + (f" {tag}" if tag else ""),
            category=question.category or category_of("", [layer.path for layer in layers]),
            licence=licence,
            revision=digest,
        )
        return Resolved(entry, f"{label}@{digest}", [])

    async def _url(self, name: UrlName, question: Question) -> Resolved:
        shown = name.url.partition("?")[0]
        sha256 = question.sha256.lower() or name.sha256
        if not _SHA256.fullmatch(sha256) or (name.sha256 and name.sha256 != sha256):
            raise ResolvingFailed(
                shown,
                "expected the SHA-256 of the file, as #sha256=... behind the URL or with --sha256: a server's word is no proof of what it sends",
            )
        size_bytes = (
            question.size_bytes if question.size_bytes is not None else await self._door.size_of(name.url)
        )
        path = PurePosixPath(unquote(urlsplit(name.url).path)).name
        entry = make_entry(
            shown,
            [FilePromise(path=path, size_bytes=size_bytes, sha256=sha256, urls=[name.url])],
            model_id=question.model_id or model_id_of(path),
            title=path,
            category=question.category or category_of("", [path]),
        )
        return Resolved(entry, f"{shown}#sha256={sha256}", [])

    async def _file(self, name: FileName, question: Question) -> Resolved:
        label = f"file:{name.path}"
        found = await anyio.to_thread.run_sync(import_from, name.path, label, abandon_on_cancel=True)
        digest = question.sha256.lower()
        if digest and (len(found.promises) != 1 or found.promises[0].sha256 != digest):
            raise ResolvingFailed(
                label,
                f"its SHA-256 is {found.promises[0].sha256}, expected {digest}; it is damaged, or another file",
            )
        entry = make_entry(
            question.name,
            found.promises,
            model_id=question.model_id or model_id_of(name.path.name),
            title=name.path.name,
            category=question.category or category_of("", [promise.path for promise in found.promises]),
        )
        return Resolved(entry, label, found.skipped)


def hub_page(endpoint: str, name: HubName) -> str:
    """Where a person reads about a repository."""
    return f"{endpoint}/{quote(name.repository)}"


async def _all_of(works: list[Callable[[], Awaitable[None]]]) -> None:
    """Do all of it at once; the first failure ends the others and is raised as it is, not in a group."""
    first: list[Exception] = []

    async def run(work: Callable[[], Awaitable[None]], scope: anyio.CancelScope) -> None:
        try:
            await work()
        except Exception as error:
            first.append(error)
            scope.cancel()

    async with anyio.create_task_group() as group:
        for work in works:
            group.start_soon(run, work, group.cancel_scope)
    if first:
        raise first[0]
