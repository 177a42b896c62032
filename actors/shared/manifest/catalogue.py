"""Merges the models that an app knows: its manifests, the signed remote one, and what a person added."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from actors.shared.manifest.manifest_reader import ManifestRefused, check_entry, load_manifest
from actors.shared.manifest.semver import running_version, version_problem
from schemas.bounds import UnixSeconds, UrlText
from schemas.manifest import Manifest, ModelEntry
from schemas.sources import CatalogueEntry, EntrySource

CATALOGUE_LIMIT_BYTES: Final = 12 * 1024 * 1024
"""The whole catalogue is one event, and the bus takes 16 MiB at most."""
PROBLEMS_TOLD: Final = 100


@dataclass(frozen=True)
class DeclaredManifest:
    """A manifest, and where it came from.

    Attributes:
        where: a file or a URL.
    """

    where: str
    manifest: Manifest


class AddedModel(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that a person added by name.

    Attributes:
        name: as the person gave it.
        pinned: the name with its revision pinned.
        entry: what the name stands for.
        added_at: seconds since the Unix epoch.
    """

    name: UrlText
    pinned: UrlText
    entry: ModelEntry
    added_at: UnixSeconds


@dataclass(frozen=True)
class Catalogue:
    """The models that can be installed.

    Attributes:
        models: by id, in the order in which they were declared.
        problems: one sentence for each entry or manifest that is left out.
    """

    models: Mapping[str, CatalogueEntry]
    problems: tuple[str, ...] = ()


def load_bundled(files: Iterable[Path]) -> tuple[list[DeclaredManifest], list[ManifestRefused]]:
    """Read the manifests of a profile. A bad one does not affect the others."""
    found, refused = [], []
    for file in files:
        try:
            found.append(DeclaredManifest(str(file), load_manifest(file)))
        except ManifestRefused as error:
            refused.append(error)
    return found, refused


def merge(
    bundled: Iterable[DeclaredManifest],
    remote: DeclaredManifest | None = None,
    added: Iterable[AddedModel] = (),
    version: str | None = None,
) -> Catalogue:
    """Merge all manifests. Pure.

    Of two bundled manifests the first one keeps an id. The remote one replaces and adds entries; where its
    entry needs a newer runtime, the bundled entry stays. What a person added never replaces an entry.

    Args:
        bundled: in the order of the profile.
        remote: the signed manifest that was fetched; None for none.
        added: by a person.
        version: of Undercroft; None: the running one.
    """
    runtime = version or running_version()
    models: dict[str, CatalogueEntry] = {}
    sizes: dict[str, int] = {}
    total = 0
    problems: list[str] = []

    def take(entry: ModelEntry, source: EntrySource, where: str, *, renews: bool) -> None:
        nonlocal total
        if entry.minimum_runtime and (problem := version_problem(entry.minimum_runtime, runtime)):
            problems.append(f"{where}: {entry.id}: {problem}; it is left out")
        elif entry.id in models and not renews:
            holder = models[entry.id].where
            problems.append(
                f"{where}: {entry.id}: {holder} has a model of this id already; this one is left out"
            )
        elif total - sizes.get(entry.id, 0) + (size := catalogue_bytes(entry)) > CATALOGUE_LIMIT_BYTES:
            problems.append(f"{where}: {entry.id}: the list of models is full; this one is left out")
        else:
            models[entry.id] = CatalogueEntry(entry=entry, source=source, where=where)
            total += size - sizes.get(entry.id, 0)
            sizes[entry.id] = size

    for declared in bundled:
        for entry in declared.manifest.models:
            take(entry, "bundled", declared.where, renews=False)
    if remote is not None:
        for entry in remote.manifest.models:
            take(entry, "remote", remote.where, renews=True)
    for addition in added:
        if found := check_entry(addition.entry, from_person=True):
            problems.append(f"{addition.pinned}: {addition.entry.id}: {'; '.join(found)}; it is left out")
        else:
            take(addition.entry, "added", addition.pinned, renews=False)
    others = len(problems) - PROBLEMS_TOLD
    told = [*problems[:PROBLEMS_TOLD], f"{others} other models are left out"] if others > 0 else problems
    return Catalogue(models, tuple(told))


def catalogue_bytes(entry: ModelEntry) -> int:
    """How much of the catalogue's event an entry takes, at most."""
    return len(msgspec.json.encode(entry)) + 1000
