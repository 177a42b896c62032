"""Key-value state: requests to the state store, the events that it publishes, and its built-in schemas.

A key is `<namespace>.<rest>`, such as `layout.default`. Values are those that JSON can express. The revision
counts all writes of the store and only grows, so a key never has a revision that it had before.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from schemas.bounds import (
    Amount,
    Count,
    Identifier,
    Many,
    Named,
    PlaceText,
    Plain,
    Sentence,
    UnixMilliseconds,
    UnixSeconds,
    Word,
)
from schemas.event import Event, Request

VALUE_LIMIT_BYTES = 16 * 1024 * 1024 - 16 * 1024
"""Largest value as MessagePack: with its key and revision it fits into one message of the bus."""

KEY_LIMIT_BYTES = 512
PAGE_LIMIT = 1000
BATCH_LIMIT = 10_000


class LayoutItem(msgspec.Struct, frozen=True, kw_only=True):
    """The place of a widget in a grid, in cells. Further fields belong to the app."""

    x: Amount | None = None
    y: Amount | None = None
    w: Amount | None = None
    h: Amount | None = None


class WidgetInstance(msgspec.Struct, frozen=True, kw_only=True):
    """A widget of a grid. Its state and further fields belong to the app."""

    type: Word | None = None
    state: Any = None


class GridLayoutMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """How people find a grid."""

    name: Word
    tags: Many[Word]
    description: Sentence | None = None


class GridLayoutState(msgspec.Struct, frozen=True, kw_only=True):
    """A grid of widgets, under `layout.<name>`. The app defines `timestamp`."""

    version: Identifier
    timestamp: UnixMilliseconds
    layout: Named[LayoutItem]
    instances: Named[WidgetInstance]
    metadata: GridLayoutMetadata


class UserInterfacePreferences(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The look of the app."""

    sidebar_collapsed: bool
    grid_density: Literal["compact", "normal", "spacious"]
    show_grid_lines: bool


class PrivacyPreferences(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the app may report to its makers."""

    telemetry_enabled: bool
    crash_reporting_enabled: bool


class UserPreferencesState(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The preferences of a user, under `settings.preferences`."""

    version: Identifier
    theme: Literal["dark", "light", "auto"]
    language: Word
    key_bindings: Named[Word]
    ui: UserInterfacePreferences
    privacy: PrivacyPreferences


class ConversationEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One conversation. Further fields belong to the app."""

    id: Identifier | None = None
    messages: Many[Any] | None = None


class ConversationHistoryMetadata(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Counts over all conversations. The app defines `last_updated`."""

    total_count: Count
    last_updated: UnixMilliseconds
    total_tokens: Count


class ConversationHistoryState(msgspec.Struct, frozen=True, kw_only=True):
    """Conversations that an app can continue, under `history.conversations.<name>`."""

    version: Identifier
    conversations: Many[ConversationEntry]
    metadata: ConversationHistoryMetadata


class StateSavedEvent(Event, frozen=True, kw_only=True, tag="state.saved"):
    """A value is on disk, safe from a power cut. `size_bytes`: its size on disk."""

    key: Word
    revision: Count
    size_bytes: Count


class StateSaveRequestEvent(Request[StateSavedEvent], frozen=True, kw_only=True, tag="state.save"):
    """Save a value under a key.

    Attributes:
        encrypt, compress: None: as the namespace says, whose stricter rule wins over False.
        backup: keep the former value below `backups/auto`; None: as the namespace says.
        expected_revision: refuse unless the key has this revision now; 0: unless there is no such key; None:
            do not check.
        schema: name of a schema that the value must fit, besides that of the namespace; empty: none.
    """

    key: Word
    value: Any
    encrypt: bool | None = None
    compress: bool | None = None
    backup: bool | None = None
    expected_revision: Count | None = None
    schema: Word = ""


class StateLoadedEvent(Event, frozen=True, kw_only=True, tag="state.loaded"):
    """The value of a key.

    Attributes:
        value: null: there is no such key.
        revision: 0: there is no such key.
        saved_at: seconds since the Unix epoch.
        read_only: a later version of the app or of Undercroft wrote it, so it cannot be replaced.
        repaired_from: the copy that the value comes from, since the document was damaged; empty otherwise.
        evidence: where the damaged document was put; empty: it was not damaged.
    """

    key: Word
    found: bool
    value: Any = None
    revision: Count = 0
    saved_at: UnixSeconds = 0.0
    encrypted: bool = False
    compressed: bool = False
    read_only: bool = False
    repaired_from: Word = ""
    evidence: PlaceText = ""


class StateLoadRequestEvent(Request[StateLoadedEvent], frozen=True, kw_only=True, tag="state.load"):
    """Read the value of a key. `schema`: name of a schema that it must fit, besides that of the namespace."""

    key: Word
    schema: Word = ""


class StateDeletedEvent(Event, frozen=True, kw_only=True, tag="state.deleted"):
    """A key is gone from disk. `existed`: it was there before; otherwise `revision` is 0."""

    key: Word
    existed: bool
    revision: Count = 0


class StateDeleteRequestEvent(Request[StateDeletedEvent], frozen=True, kw_only=True, tag="state.delete"):
    """Delete a key. The options are those of a save."""

    key: Word
    backup: bool | None = None
    expected_revision: Count | None = None


class StateExistsReportedEvent(Event, frozen=True, kw_only=True, tag="state.exists_reported"):
    """Whether there is such a key."""

    key: Word
    exists: bool


class StateExistsRequestEvent(
    Request[StateExistsReportedEvent], frozen=True, kw_only=True, tag="state.exists"
):
    """Ask whether there is such a key."""

    key: Word


class StateKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key in a listing. `size_bytes`: its size on disk."""

    key: Word
    size_bytes: Count


class StateListedEvent(Event, frozen=True, kw_only=True, tag="state.listed"):
    """One page of keys, in order.

    Attributes:
        next_after: the `after` of the next page; empty: this is the last one.
        total: keys with the prefix that the asking peer may read, on all pages.
    """

    keys: Many[StateKey]
    next_after: Identifier = ""
    total: Count = 0


class StateListRequestEvent(Request[StateListedEvent], frozen=True, kw_only=True, tag="state.list"):
    """List the keys that begin with a prefix, except those that the asking peer may not read."""

    prefix: Word = ""
    after: Identifier = ""
    limit: Count = PAGE_LIMIT


class BatchOperation(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a batch. The fields are those of StateSaveRequestEvent."""

    type: Literal["save", "delete"]
    key: Word
    value: Any = None
    encrypt: bool | None = None
    compress: bool | None = None
    backup: bool | None = None
    expected_revision: Count | None = None


class StateBatchSavedEvent(Event, frozen=True, kw_only=True, tag="state.batch_saved"):
    """The whole batch is on disk. `revisions`: by key; 0: it was to be deleted and did not exist."""

    revisions: Named[Count]


class StateSaveBatchRequestEvent(
    Request[StateBatchSavedEvent], frozen=True, kw_only=True, tag="state.save_batch"
):
    """Save and delete several keys, all or nothing, whatever happens. Each key may appear once."""

    operations: Many[BatchOperation]


class StateBatchLoadedEvent(Event, frozen=True, kw_only=True, tag="state.batch_loaded"):
    """The values of several keys.

    Attributes:
        values: by key, as requested; null: there is no such key.
        revisions: by key; 0: there is no such key.
        left_out: keys that did not fit into this reply; ask for them again.
    """

    values: Plain
    revisions: Named[Count]
    left_out: Many[Sentence] = []


class StateLoadBatchRequestEvent(
    Request[StateBatchLoadedEvent], frozen=True, kw_only=True, tag="state.load_batch"
):
    """Read several keys as of one moment."""

    keys: Many[Word]


class StateChangedEvent(Event, frozen=True, kw_only=True, tag="state.changed"):
    """A key has another value, durably. The event does not hold the value.

    Attributes:
        deleted: the key is gone.
        source: name of the peer that asked for the change.
    """

    key: Word
    revision: Count
    deleted: bool = False
    source: Word = ""


class NamespaceHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one namespace. `quota_bytes`: 0: there is none."""

    name: Word
    keys: Count
    size_bytes: Count
    quota_bytes: Count
    encrypt: bool
    owner: Word


class StateFault(msgspec.Struct, frozen=True, kw_only=True):
    """Something that went wrong, without any value. `at`: seconds since the Unix epoch."""

    at: UnixSeconds
    key: Word
    problem: Sentence


class StateHealthReportedEvent(Event, frozen=True, kw_only=True, tag="state.health_reported"):
    """The state of the state store.

    Attributes:
        size_bytes: of all documents on disk.
        quota_bytes: the most that they may take; 0: no limit.
        journal_bytes: durable in the journal, but not yet in files of their own.
        revision: the newest one.
        saves, loads: requests that succeeded since the store started.
        refused: requests that failed since then.
        save_mean_ms, load_mean_ms: their mean duration; 0: there were none.
        corrupted: keys whose document was damaged and put aside, since the store started.
        faults: the newest ones, the newest first.
        alerts: the active alerts, as `<name>/<subject>`.
    """

    namespaces: Many[NamespaceHealth]
    keys: Count
    size_bytes: Count
    quota_bytes: Count
    journal_bytes: Count
    revision: Count
    saves: Count
    loads: Count
    refused: Count
    save_mean_ms: Amount
    load_mean_ms: Amount
    corrupted: Count
    faults: Many[StateFault]
    alerts: Many[Sentence]


class StateHealthRequestEvent(
    Request[StateHealthReportedEvent], frozen=True, kw_only=True, tag="state.health"
):
    """Ask for the state of the state store."""
