"""Sources: where models come from, which of them the app knows now, and whose licence was accepted."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

from schemas.event import ONE_PER_TOPIC, Event, Request
from schemas.manifest import ModelEntry

EntrySource = Literal["bundled", "remote", "added"]
"""`bundled`: a manifest file of the profile. `remote`: the signed manifest that the profile pins. `added`: a person, by name."""

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]


class CatalogueEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One model that the app knows, and why it knows it.

    Attributes:
        where: the manifest's file or URL, or the name that a person added, with its revision pinned.
    """

    entry: ModelEntry
    source: EntrySource
    where: str


class LicenceAcceptance(msgspec.Struct, frozen=True, kw_only=True):
    """A person accepted the licence of a model as it read then.

    Attributes:
        digest: SHA-256 over licence, licence URL and revision of the entry; for another one the licence is
            due again.
        accepted_at: seconds since the Unix epoch.
        accepted_by: name of the account on this machine.
    """

    model_id: str
    licence: str
    revision: str
    digest: str
    accepted_at: float
    accepted_by: str


class ModelCatalogueChangedEvent(Event, frozen=True, kw_only=True, tag="models.catalogue_changed"):
    """Which models the app knows now: the whole list, each id once.

    Attributes:
        accepted: licences that a person accepted.
        revision: counts the changes of this life of the actor.
        manifest_version: version of the remote manifest that is in force; 0 for none.
        problems: one sentence for each entry or manifest that is not in force, and why.
    """

    retained_by: ClassVar[str | None] = ONE_PER_TOPIC

    models: list[CatalogueEntry]
    accepted: list[LicenceAcceptance]
    revision: int
    reason: Literal["start", "added", "withdrawn", "accepted", "refreshed"]
    manifest_version: int = 0
    problems: list[str] = []


class ModelNameResolvedEvent(Event, frozen=True, kw_only=True, tag="models.name_resolved"):
    """What a name means now.

    Attributes:
        entry: the manifest entry that stands for it.
        pinned: the name with its revision pinned, so that it means the same tomorrow.
        skipped: files of the source that do not belong to the entry, each with the reason.
    """

    entry: ModelEntry
    pinned: str
    skipped: list[str] = []


class ModelNameResolveRequestEvent(
    Request[ModelNameResolvedEvent], frozen=True, kw_only=True, tag="models.resolve"
):
    """Ask what a name means: `hf:org/repo[@revision][:file]`, `oci:registry/name:tag`, `ollama:name:tag`, `https://...`, `file:/path`.

    Attributes:
        sha256: digest of the file that a URL names, 64 hex digits, if it is not part of the URL's fragment.
        size_bytes: its length, for a server that does not tell; None to ask it.
        model_id: id of the entry; empty to derive one from the name.
        category: what the model is for, such as `stt`; empty to guess.
    """

    name: Name
    sha256: Annotated[str, msgspec.Meta(max_length=64)] = ""
    size_bytes: Annotated[int, msgspec.Meta(ge=0)] | None = None
    model_id: Annotated[str, msgspec.Meta(max_length=100)] = ""
    category: Annotated[str, msgspec.Meta(max_length=40)] = ""


class ModelAddedEvent(Event, frozen=True, kw_only=True, tag="models.added"):
    """A model is in the catalogue for good, on a person's word.

    Attributes:
        is_new: False if the same entry was there before.
    """

    entry: ModelEntry
    pinned: str
    is_new: bool
    skipped: list[str] = []


class ModelAddRequestEvent(Request[ModelAddedEvent], frozen=True, kw_only=True, tag="models.add"):
    """Resolve a name and keep what it means; answered once that is durable. The fields are those of `models.resolve`."""

    name: Name
    sha256: Annotated[str, msgspec.Meta(max_length=64)] = ""
    size_bytes: Annotated[int, msgspec.Meta(ge=0)] | None = None
    model_id: Annotated[str, msgspec.Meta(max_length=100)] = ""
    category: Annotated[str, msgspec.Meta(max_length=40)] = ""


class ModelWithdrawnEvent(Event, frozen=True, kw_only=True, tag="models.withdrawn"):
    """An added model is no longer in the catalogue; what is installed of it stays."""

    model_id: str


class ModelWithdrawRequestEvent(
    Request[ModelWithdrawnEvent], frozen=True, kw_only=True, tag="models.withdraw"
):
    """Take an added model out of the catalogue again."""

    model_id: str


class LicenceAcceptedEvent(Event, frozen=True, kw_only=True, tag="models.licence_accepted"):
    """The acceptance is on disk."""

    acceptance: LicenceAcceptance


class LicenceAcceptRequestEvent(
    Request[LicenceAcceptedEvent], frozen=True, kw_only=True, tag="models.accept_licence"
):
    """Say that a person read and accepted the licence of a model."""

    model_id: str


class ManifestRefreshedEvent(Event, frozen=True, kw_only=True, tag="models.manifest_refreshed"):
    """What became of a look at the remote manifest.

    Attributes:
        outcome: `taken`: a newer one is in force. `unchanged`: the one in force is the newest. `kept`: what
            came was refused or nothing came, the former one stays in force. `none`: the profile names no
            remote manifest.
        version: version that is in force; 0 for none.
        message: one sentence for a person.
    """

    outcome: Literal["taken", "unchanged", "kept", "none"]
    version: int
    message: str


class ManifestRefreshRequestEvent(
    Request[ManifestRefreshedEvent], frozen=True, kw_only=True, tag="models.refresh"
):
    """Ask for the remote manifest to be fetched now."""
