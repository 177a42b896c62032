"""Key-value state: what is asked of the state store, what it announces, and the schemas that it brings along.

A key is `<namespace>.<rest>`, such as `layout.default`. Values are what JSON knows. Revisions are counted
over the whole store and only grow, so a key that was deleted and written again never has a revision that it
had before.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from schemas.event import Event, Request

VALUE_LIMIT_BYTES = 16 * 1024 * 1024 - 16 * 1024
"""A value as MessagePack; together with its key and revision it fits in one message of the bus."""

KEY_LIMIT_BYTES = 512
PAGE_LIMIT = 1000
BATCH_LIMIT = 10_000


class LayoutItem(msgspec.Struct, frozen=True, kw_only=True):
    """Where a widget of a grid lies, in cells; further fields are the app's own."""

    x: float | None = None
    y: float | None = None
    w: float | None = None
    h: float | None = None


class WidgetInstance(msgspec.Struct, frozen=True, kw_only=True):
    """A widget of a grid; further fields, its state among them, are the app's own."""

    type: str | None = None
    state: Any = None


class GridLayoutMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """What people call a grid."""

    name: str
    tags: list[str]
    description: str | None = None


class GridLayoutState(msgspec.Struct, frozen=True, kw_only=True):
    """A grid of widgets: `layout.<name>`; `timestamp` as the app counts it."""

    version: str
    timestamp: float
    layout: dict[str, LayoutItem]
    instances: dict[str, WidgetInstance]
    metadata: GridLayoutMetadata


class UserInterfacePreferences(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How the app looks."""

    sidebar_collapsed: bool
    grid_density: Literal["compact", "normal", "spacious"]
    show_grid_lines: bool


class PrivacyPreferences(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the app may tell its makers."""

    telemetry_enabled: bool
    crash_reporting_enabled: bool


class UserPreferencesState(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a user prefers: `settings.preferences`."""

    version: str
    theme: Literal["dark", "light", "auto"]
    language: str
    key_bindings: dict[str, str]
    ui: UserInterfacePreferences
    privacy: PrivacyPreferences


class ConversationEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One conversation; further fields are the app's own."""

    id: str | None = None
    messages: list[Any] | None = None


class ConversationHistoryMetadata(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Counts over all conversations; `last_updated` as the app counts it."""

    total_count: int
    last_updated: float
    total_tokens: int


class ConversationHistoryState(msgspec.Struct, frozen=True, kw_only=True):
    """Conversations with what an app needs to go on with them: `history.conversations.<name>`."""

    version: str
    conversations: list[ConversationEntry]
    metadata: ConversationHistoryMetadata


class StateSavedEvent(Event, frozen=True, kw_only=True, tag="state.saved"):
    """A value is on disk, and a power cut cannot take it back; `size_bytes` is what it takes there."""

    key: str
    revision: int
    size_bytes: int


class StateSaveRequestEvent(Request[StateSavedEvent], frozen=True, kw_only=True, tag="state.save"):
    """Keep a value under a key.

    Attributes:
        encrypt, compress, backup: None leaves it to the namespace, whose stricter policy wins over False.
            `backup` keeps the former value below `backups/auto`.
        expected_revision: refuse unless the key has this revision now; 0 means that there must be no such
            key; None: whatever it is.
        schema: name of a schema that the value must fit, besides that of the namespace; empty for none.
    """

    key: str
    value: Any
    encrypt: bool | None = None
    compress: bool | None = None
    backup: bool | None = None
    expected_revision: int | None = None
    schema: str = ""


class StateLoadedEvent(Event, frozen=True, kw_only=True, tag="state.loaded"):
    """What lies under a key.

    Attributes:
        value: null if there is no such key.
        revision: 0 if there is no such key.
        saved_at: seconds since the Unix epoch.
        read_only: a later version of the app or of Undercroft wrote it; it cannot be replaced.
        repaired_from: where the value was taken from because the document itself was damaged; empty
            otherwise.
        evidence: where a damaged document was put; empty if it was not damaged.
    """

    key: str
    found: bool
    value: Any = None
    revision: int = 0
    saved_at: float = 0.0
    encrypted: bool = False
    compressed: bool = False
    read_only: bool = False
    repaired_from: str = ""
    evidence: str = ""


class StateLoadRequestEvent(Request[StateLoadedEvent], frozen=True, kw_only=True, tag="state.load"):
    """Read the value of a key; `schema` names a schema that it must fit, besides that of the namespace."""

    key: str
    schema: str = ""


class StateDeletedEvent(Event, frozen=True, kw_only=True, tag="state.deleted"):
    """A key is gone from disk; `existed`: it was there before. `revision` is 0 if it was not."""

    key: str
    existed: bool
    revision: int = 0


class StateDeleteRequestEvent(Request[StateDeletedEvent], frozen=True, kw_only=True, tag="state.delete"):
    """Delete a key; options as for a save."""

    key: str
    backup: bool | None = None
    expected_revision: int | None = None


class StateExistsReportedEvent(Event, frozen=True, kw_only=True, tag="state.exists_reported"):
    """Whether there is such a key."""

    key: str
    exists: bool


class StateExistsRequestEvent(
    Request[StateExistsReportedEvent], frozen=True, kw_only=True, tag="state.exists"
):
    """Ask whether there is such a key."""

    key: str


class StateKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key in a listing; `size_bytes` is what it takes on disk."""

    key: str
    size_bytes: int


class StateListedEvent(Event, frozen=True, kw_only=True, tag="state.listed"):
    """One page of keys, in order.

    Attributes:
        next_after: what to ask for as `after` to get the next page; empty if this is the last one.
        total: keys with the prefix that the asker may read, on all pages.
    """

    keys: list[StateKey]
    next_after: str = ""
    total: int = 0


class StateListRequestEvent(Request[StateListedEvent], frozen=True, kw_only=True, tag="state.list"):
    """List the keys that begin with a prefix; those that the asker may not read are left out."""

    prefix: str = ""
    after: str = ""
    limit: int = PAGE_LIMIT


class BatchOperation(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a batch; fields as in StateSaveRequestEvent."""

    type: Literal["save", "delete"]
    key: str
    value: Any = None
    encrypt: bool | None = None
    compress: bool | None = None
    backup: bool | None = None
    expected_revision: int | None = None


class StateBatchSavedEvent(Event, frozen=True, kw_only=True, tag="state.batch_saved"):
    """All of a batch is on disk; `revisions` by key, 0 for one that was to be deleted and was not there."""

    revisions: dict[str, int]


class StateSaveBatchRequestEvent(
    Request[StateBatchSavedEvent], frozen=True, kw_only=True, tag="state.save_batch"
):
    """Save and delete several keys: all of it or none of it, whatever happens. A key may be named once."""

    operations: list[BatchOperation]


class StateBatchLoadedEvent(Event, frozen=True, kw_only=True, tag="state.batch_loaded"):
    """The values of several keys.

    Attributes:
        values: by key, as it was asked for; null for a key that is not there.
        revisions: by key; 0 for a key that is not there.
        left_out: keys that had no room in this answer; ask for them again.
    """

    values: dict[str, Any]
    revisions: dict[str, int]
    left_out: list[str] = []


class StateLoadBatchRequestEvent(
    Request[StateBatchLoadedEvent], frozen=True, kw_only=True, tag="state.load_batch"
):
    """Read several keys as they are at one moment."""

    keys: list[str]


class StateChangedEvent(Event, frozen=True, kw_only=True, tag="state.changed"):
    """A key has another value, durably; the value itself is not told.

    Attributes:
        deleted: the key is gone.
        source: name of the peer that asked for it.
    """

    key: str
    revision: int
    deleted: bool = False
    source: str = ""


class NamespaceHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How one namespace fares; `quota_bytes` is 0 if there is none."""

    name: str
    keys: int
    size_bytes: int
    quota_bytes: int
    encrypt: bool
    owner: str


class StateFault(msgspec.Struct, frozen=True, kw_only=True):
    """Something that went wrong; `at` in seconds since the Unix epoch. Holds no value."""

    at: float
    key: str
    problem: str


class StateHealthReportedEvent(Event, frozen=True, kw_only=True, tag="state.health_reported"):
    """How the state store fares.

    Attributes:
        size_bytes: of all documents on disk; `quota_bytes`: how much they may take, 0 for no limit.
        journal_bytes: what is durable in the journal and has yet to be so in its own file.
        revision: the newest one given.
        saves, loads: requests that went well since the store began; `refused`: those that did not.
        save_mean_ms, load_mean_ms: how long they took, 0 without any.
        corrupted: keys whose document was damaged and put aside, since the store began.
        faults: the newest ones, the newest first.
        alerts: names and subjects of the alerts that are active, as `<name>/<subject>`.
    """

    namespaces: list[NamespaceHealth]
    keys: int
    size_bytes: int
    quota_bytes: int
    journal_bytes: int
    revision: int
    saves: int
    loads: int
    refused: int
    save_mean_ms: float
    load_mean_ms: float
    corrupted: int
    faults: list[StateFault]
    alerts: list[str]


class StateHealthRequestEvent(
    Request[StateHealthReportedEvent], frozen=True, kw_only=True, tag="state.health"
):
    """Ask how the state store fares."""
