"""Sources: where models come from, which ones the app knows now, and which licences were accepted."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

from schemas.bounds import Count, Identifier, Many, PlaceText, Sentence, UnixSeconds, UrlText, Word
from schemas.event import ONE_PER_TOPIC, Event, Request
from schemas.manifest import ModelEntry

EntrySource = Literal["bundled", "remote", "added"]
"""`bundled`: a manifest file of the profile. `remote`: the signed manifest that the profile pins. `added`: a
name that a person added."""

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]


class CatalogueEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One model that the app knows, and where it is from.

    Attributes:
        where: file or URL of the manifest, or the added name with its revision pinned.
    """

    entry: ModelEntry
    source: EntrySource
    where: PlaceText


class LicenceAcceptance(msgspec.Struct, frozen=True, kw_only=True):
    """A person accepted the licence of a model.

    Attributes:
        digest: SHA-256 over licence, licence URL and revision of the entry; when it changes, the licence is
            due again.
        accepted_at: seconds since the Unix epoch.
        accepted_by: name of the account on this machine.
    """

    model_id: Identifier
    licence: Sentence
    revision: Identifier
    digest: Identifier
    accepted_at: UnixSeconds
    accepted_by: Word


class ModelCatalogueChangedEvent(Event, frozen=True, kw_only=True, tag="models.catalogue_changed"):
    """The models that the app knows now: the whole list, each id once.

    Attributes:
        accepted: licences that a person accepted.
        revision: counts the changes in this life of the actor.
        life: names this life of the actor; empty: an older version published it.
        manifest_version: version of the remote manifest in force; 0: none.
        problems: for each entry or manifest that is not in force, a sentence that says why.
    """

    retained_by: ClassVar[str | None] = ONE_PER_TOPIC

    models: Many[CatalogueEntry]
    accepted: Many[LicenceAcceptance]
    revision: Count
    reason: Literal["start", "added", "withdrawn", "accepted", "refreshed"]
    manifest_version: Count = 0
    problems: Many[Sentence] = []
    life: Identifier = ""


class ModelCatalogueStatedEvent(Event, frozen=True, kw_only=True, tag="models.catalogue_stated"):
    """The models that the app knows now, as in `models.catalogue_changed`.

    It holds everything that was answered before it: what was added, withdrawn, accepted or refreshed.

    Attributes:
        is_known: the request named this state, so `models` and `accepted` are left empty.
    """

    models: Many[CatalogueEntry] = []
    accepted: Many[LicenceAcceptance] = []
    life: Identifier
    revision: Count
    is_known: bool = False


class ModelCatalogueRequestEvent(
    Request[ModelCatalogueStatedEvent], frozen=True, kw_only=True, tag="models.catalogue"
):
    """Ask for the catalogue.

    Events and answers travel apart: who acts on an answer asks first whether it knows the state behind it.

    Attributes:
        life: with `revision`, the state that the asker knows; empty: none.
    """

    life: Identifier = ""
    revision: Count = 0


class ModelNameResolvedEvent(Event, frozen=True, kw_only=True, tag="models.name_resolved"):
    """What a name stands for now.

    Attributes:
        entry: the manifest entry for it.
        pinned: the name with its revision pinned, so that it keeps its meaning.
        skipped: files of the source that do not belong to the entry, each with the reason.
    """

    entry: ModelEntry
    pinned: UrlText
    skipped: Many[Sentence] = []


class ModelNameResolveRequestEvent(
    Request[ModelNameResolvedEvent], frozen=True, kw_only=True, tag="models.resolve"
):
    """Ask what a name stands for.

    Attributes:
        name: `hf:org/repo[@revision][:file]`, `oci:registry/name:tag`, `ollama:name:tag`, `https://...` or
            `file:/path`.
        sha256: digest of the file that a URL names, 64 hex digits, unless the fragment of the URL holds it.
        size_bytes: its length, for a server that does not state it; None: ask the server.
        model_id: id of the entry; empty: derive one from the name.
        category: what the model is for, such as `stt`; empty: guess it.
    """

    name: Name
    sha256: Annotated[str, msgspec.Meta(max_length=64)] = ""
    size_bytes: Count | None = None
    model_id: Annotated[str, msgspec.Meta(max_length=100)] = ""
    category: Annotated[str, msgspec.Meta(max_length=40)] = ""


class ModelAddedEvent(Event, frozen=True, kw_only=True, tag="models.added"):
    """A person added a model to the catalogue.

    Attributes:
        is_new: False: the same entry was there before.
    """

    entry: ModelEntry
    pinned: UrlText
    is_new: bool
    skipped: Many[Sentence] = []


class ModelAddRequestEvent(Request[ModelAddedEvent], frozen=True, kw_only=True, tag="models.add"):
    """Resolve a name and add its model. Answered once that is durable. Fields as in `models.resolve`."""

    name: Name
    sha256: Annotated[str, msgspec.Meta(max_length=64)] = ""
    size_bytes: Count | None = None
    model_id: Annotated[str, msgspec.Meta(max_length=100)] = ""
    category: Annotated[str, msgspec.Meta(max_length=40)] = ""


class ModelWithdrawnEvent(Event, frozen=True, kw_only=True, tag="models.withdrawn"):
    """An added model is no longer in the catalogue. Installed files stay."""

    model_id: Identifier


class ModelWithdrawRequestEvent(
    Request[ModelWithdrawnEvent], frozen=True, kw_only=True, tag="models.withdraw"
):
    """Remove an added model from the catalogue."""

    model_id: Identifier


class LicenceAcceptedEvent(Event, frozen=True, kw_only=True, tag="models.licence_accepted"):
    """The acceptance is on disk."""

    acceptance: LicenceAcceptance


class LicenceAcceptRequestEvent(
    Request[LicenceAcceptedEvent], frozen=True, kw_only=True, tag="models.accept_licence"
):
    """State that a person read and accepted the licence of a model."""

    model_id: Identifier


class ManifestRefreshedEvent(Event, frozen=True, kw_only=True, tag="models.manifest_refreshed"):
    """The outcome of fetching the remote manifest.

    Attributes:
        outcome: `taken`: a newer one is in force. `unchanged`: the one in force is the newest. `kept`: none
            came, or it was refused; the former one stays in force. `none`: the profile names no remote
            manifest.
        version: version in force; 0: none.
        message: one sentence for people.
    """

    outcome: Literal["taken", "unchanged", "kept", "none"]
    version: Count
    message: Sentence


class ManifestRefreshRequestEvent(
    Request[ManifestRefreshedEvent], frozen=True, kw_only=True, tag="models.refresh"
):
    """Fetch the remote manifest now."""
