"""Resolves a name to an entry: asks the source what it means now, and pins it."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, assert_never
from urllib.parse import quote

import anyio
import anyio.to_thread

from actors.model_sources.errors import ResolveFailed
from actors.model_sources.sources import hub_repository, oci_registry
from actors.model_sources.sources.entry_builder import category_of, make_entry, model_id_of
from actors.model_sources.sources.hub_repository import HubFile
from actors.model_sources.sources.local_files import import_from
from actors.model_sources.sources.model_names import (
    FileName,
    HubName,
    RegistryName,
    UrlName,
    file_name_of,
    read_name,
)
from actors.model_sources.sources.source_client import SourceClient
from actors.shared.credentials.source_endpoints import SourceEndpoints
from actors.shared.http.answers.field_values import read_digest
from schemas.manifest import FilePromise, ModelEntry
from schemas.sources import ModelAddRequestEvent, ModelNameResolveRequestEvent

SMALL_FILES_AT_ONCE: Final = 4

NameRequest = ModelNameResolveRequestEvent | ModelAddRequestEvent


@dataclass(frozen=True)
class ResolvedModel:
    """What a name means now.

    Attributes:
        entry: for the catalogue.
        pinned: the name with its revision.
        skipped: what else the source has, with the reason why it is left out.
    """

    entry: ModelEntry
    pinned: str
    skipped: list[str]


class Resolver:
    """Asks the source that a name stands for."""

    def __init__(self, client: SourceClient, endpoints: SourceEndpoints) -> None:
        self._client = client
        self._endpoints = endpoints

    async def resolve(self, request: NameRequest) -> ResolvedModel:
        """Find out what a name means.

        Raises:
            NameRefused: the name is invalid, or what it names cannot be a model (ResolveFailed).
            Offline, SourceUnreachable, SourceRefused, CertificatesUnreadable: see `SourceClient.read`.
        """
        name = read_name(request.name)
        match name:
            case HubName():
                return await self._hub(name, request)
            case RegistryName():
                return await self._registry(name, request)
            case UrlName():
                return await self._url(name, request)
            case FileName():
                return await self._file(name, request)
            case _:
                assert_never(name)

    # -- the hub

    async def _hub(self, name: HubName, request: NameRequest) -> ResolvedModel:
        label, hub = f"hf:{name.repository}", self._endpoints.hub
        page = await self._client.read(
            hub_repository.api_url(hub, name), hub_repository.ANSWER_LIMIT_BYTES, "application/json"
        )
        repository = hub_repository.read_repository(page.content, label)
        files, skipped = hub_repository.choose(repository, name, label)
        digests = await self._small_digests(name, repository.sha, files, label)
        is_single = len(files) == 1
        promises = [
            FilePromise(
                path=PurePosixPath(file.path).name if is_single else file.path,
                size_bytes=file.size_bytes or 0,
                sha256=file.lfs.sha256 if file.lfs else digests[file.path],
                urls=[hub_repository.file_url(hub, name, repository.sha, file.path)],
            )
            for file in files
        ]
        licence = hub_repository.licence_of(repository)
        title = name.repository.partition("/")[2]
        entry = make_entry(
            request.name,
            promises,
            model_id=request.model_id or model_id_of(files[0].path if is_single else name.repository),
            title=f"{title} ({promises[0].path})" if is_single else title,
            category=request.category or category_of(repository.task or "", [file.path for file in files]),
            licence=licence.name,
            licence_url=licence.url or f"{hub}/{quote(name.repository)}",
            accept_licence=licence.must_accept,
            revision=repository.sha,
        )
        pattern = f":{name.pattern}" if name.pattern else ""
        return ResolvedModel(entry, f"{label}@{repository.sha}{pattern}", skipped)

    async def _small_digests(
        self, name: HubName, commit: str, files: list[HubFile], label: str
    ) -> dict[str, str]:
        """Return the SHA-256 of files for which the hub has none: fetch each, check git's id, hash it."""
        found: dict[str, str] = {}
        limiter = anyio.CapacityLimiter(SMALL_FILES_AT_ONCE)

        async def hash_one(file: HubFile) -> None:
            url = hub_repository.file_url(self._endpoints.hub, name, commit, file.path)
            async with limiter:
                page = await self._client.read(url, hub_repository.SMALL_FILE_LIMIT_BYTES)
            is_listed = not file.blob_id or hub_repository.git_blob_id(page.content) == file.blob_id
            if len(page.content) != file.size or not is_listed:
                raise ResolveFailed(
                    label,
                    f"{file.path}: the hub lists {file.size} bytes, but sent {len(page.content)} others",
                )
            found[file.path] = hashlib.sha256(page.content).hexdigest()

        await _run_all([functools.partial(hash_one, file) for file in files if file.lfs is None])
        return found

    # -- registries

    async def _registry(self, name: RegistryName, request: NameRequest) -> ResolvedModel:
        short = name.path.removeprefix("library/")
        label = f"oci:{name.registry}/{name.path}" if name.registry else f"ollama:{short}"
        base = oci_registry.base_url(name.registry, self._endpoints.ollama)
        page = await self._client.read(
            oci_registry.manifest_url(base, name), oci_registry.ANSWER_LIMIT_BYTES, oci_registry.ACCEPT
        )
        image, digest = oci_registry.read_image(page.content, page.content_type, name, label)
        layers = oci_registry.layers_of(image, label)
        is_pinned_or_default = name.reference.startswith("sha256:") or name.reference == "latest"
        tag = "" if is_pinned_or_default else name.reference
        promises = [
            FilePromise(
                path=layer.path,
                size_bytes=layer.size_bytes,
                sha256=layer.sha256,
                urls=[oci_registry.blob_url(base, name, layer.digest)],
            )
            for layer in layers
        ]
        entry = make_entry(
            request.name,
            promises,
            model_id=request.model_id or model_id_of(name.path, tag),
            title=f"{short} {tag}" if tag else short,
            category=request.category or category_of("", [layer.path for layer in layers]),
            licence=await self._registry_licence(base, name, image, layers),
            revision=digest,
        )
        return ResolvedModel(entry, f"{label}@{digest}", [])

    async def _registry_licence(
        self,
        base: str,
        name: RegistryName,
        image: oci_registry.ImageManifest,
        layers: list[oci_registry.ImageLayer],
    ) -> str:
        """Return the licence that an image names, else the first line of its licence file, else nothing."""
        limit_bytes = oci_registry.LICENCE_LIMIT_BYTES
        if named := (image.annotations or {}).get("org.opencontainers.image.licenses", ""):
            return named
        for layer in layers:
            if layer.path == "license" and layer.size_bytes <= limit_bytes:
                page = await self._client.read(oci_registry.blob_url(base, name, layer.digest), limit_bytes)
                return oci_registry.licence_line(page.content)
        return ""

    # -- single URLs, and files of this machine

    async def _url(self, name: UrlName, request: NameRequest) -> ResolvedModel:
        shown = name.url.partition("?")[0]
        sha256 = request.sha256.lower() or name.sha256
        if read_digest(f"sha256:{sha256}") is None or (name.sha256 and name.sha256 != sha256):
            raise ResolveFailed(
                shown,
                "expected the SHA-256 of the file, as #sha256=... behind the URL or with --sha256: "
                "a server cannot prove by itself that it sends the right file",
            )
        size_bytes = request.size_bytes
        if size_bytes is None:
            size_bytes = await self._client.size_of(name.url)
        path = file_name_of(name)
        entry = make_entry(
            shown,
            [FilePromise(path=path, size_bytes=size_bytes, sha256=sha256, urls=[name.url])],
            model_id=request.model_id or model_id_of(path),
            title=path,
            category=request.category or category_of("", [path]),
        )
        return ResolvedModel(entry, f"{shown}#sha256={sha256}", [])

    async def _file(self, name: FileName, request: NameRequest) -> ResolvedModel:
        label = f"file:{name.path}"
        found = await anyio.to_thread.run_sync(import_from, name.path, label, abandon_on_cancel=True)
        expected, actual = request.sha256.lower(), found.promises[0].sha256
        if expected and (len(found.promises) != 1 or actual != expected):
            raise ResolveFailed(
                label, f"its SHA-256 is {actual}, expected {expected}; it is damaged, or another file"
            )
        entry = make_entry(
            request.name,
            found.promises,
            model_id=request.model_id or model_id_of(name.path.name),
            title=name.path.name,
            category=request.category or category_of("", [promise.path for promise in found.promises]),
        )
        return ResolvedModel(entry, label, found.skipped)


async def _run_all(works: list[Callable[[], Awaitable[None]]]) -> None:
    """Run all at once. The first failure ends the others and is raised as it is, not in a group."""
    failures: list[Exception] = []

    async def run(work: Callable[[], Awaitable[None]], scope: anyio.CancelScope) -> None:
        try:
            await work()
        except Exception as error:
            failures.append(error)
            scope.cancel()

    async with anyio.create_task_group() as group:
        for work in works:
            group.start_soon(run, work, group.cancel_scope)
    if failures:
        raise failures[0]
