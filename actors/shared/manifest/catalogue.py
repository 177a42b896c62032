"""Which models the app knows: the manifests of its profile, the signed remote one, and what a person added. Pure, but for the reading."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from actors.shared.manifest.manifest_reader import ManifestRefused, check_entry, load_manifest
from actors.shared.manifest.semver import running_version, version_problem
from schemas.manifest import Manifest, ModelEntry
from schemas.sources import CatalogueEntry, EntrySource


@dataclass(frozen=True)
class DeclaredModel:
    """A manifest and where it came from: a file or a URL."""

    where: str
    manifest: Manifest


class Added(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that a person added by name.

    Attributes:
        name: as it was given.
        pinned: with its revision pinned.
        added_at: seconds since the Unix epoch.
    """

    name: str
    pinned: str
    entry: ModelEntry
    added_at: float


@dataclass(frozen=True)
class Catalogue:
    """What is in force.

    Attributes:
        models: by id, in the order in which they were declared.
        problems: one sentence for each entry or manifest that is not in force.
    """

    models: Mapping[str, CatalogueEntry]
    problems: tuple[str, ...] = ()


def load_bundled(files: Iterable[Path]) -> tuple[list[DeclaredModel], list[ManifestRefused]]:
    """Read the manifests of a profile; one that is refused leaves the others in force."""
    found, refused = [], []
    for file in files:
        try:
            found.append(DeclaredModel(str(file), load_manifest(file)))
        except ManifestRefused as error:
            refused.append(error)
    return found, refused


def merge(
    bundled: Iterable[DeclaredModel],
    remote: DeclaredModel | None = None,
    added: Iterable[Added] = (),
    version: str | None = None,
) -> Catalogue:
    """Put everything together for `version` of Undercroft (the running one).

    Of two bundled manifests the first one keeps an id. The remote one renews what was bundled, and adds to
    it; an entry of it that needs a newer runtime leaves the bundled one in force. What a person added takes
    no id from
    either.
    """
    runtime = version or running_version()
    models: dict[str, CatalogueEntry] = {}
    problems: list[str] = []

    def take(entry: ModelEntry, source: EntrySource, where: str, *, renews: bool) -> None:
        if entry.minimum_runtime and (problem := version_problem(entry.minimum_runtime, runtime)):
            problems.append(f"{where}: {entry.id}: {problem}; it is left out")
        elif entry.id in models and not renews:
            problems.append(
                f"{where}: {entry.id}: {models[entry.id].where} has a model of this id already; this one is left out"
            )
        else:
            models[entry.id] = CatalogueEntry(entry=entry, source=source, where=where)

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
    return Catalogue(models, tuple(problems))
