"""History: what was dictated, said and answered, in memory or on disk as the user chose.

Hears `config.settings_changed`. Publishes `history.changed` and `history.storage_changed`. Serves
`history.append`, `query`, `search`, `edit`, `delete`, `clear`, `prune`, `export`, `status`, `keep` and
`conversations`.

Owns, in the directory for state:
    history/             segments of the history on disk
    anchors/history.*    catalog and head of these segments; the mark that files stay in memory mode
    history-audit/       who edited or deleted entries on disk; its head is keys/history-audit.head.json

Promises:
    - In memory mode the process writes to no file. Entries survive a crash of the actor, because the
      broker retains a copy.
    - On disk, an acknowledged change survives a power cut. Edited or deleted text leaves the disk.
    - Nothing is written in plain text unless `history.encrypt_at_rest` is explicitly false.
    - A change of the mode loses no entry. Without keys, entries stay in memory until the keychain answers.

Terms:
    store: what the actor asks, `MemoryStore` or `DiskStore`. Both follow the protocol in `history_store`.
    backend: the store in use, and the moves between both.
    ring, slot: in memory, each entry occupies a slot of a ring. The broker retains the last event about
        each slot.
    engine: on disk, the segments together with the table of entries in memory that is built from them.
    segment, anchor, finding: see `actors.history.segments`.

Layers, each of which knows only those below: `actor`, `backend`, the stores, `engine`, `segments` and
`entries`. Read `storage_mode` and `backend` first, then `actor`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors.shared.context import ActorContext
    from bus.actor import Actor


def build(context: ActorContext) -> Actor[Any]:
    """Return the actor that the supervisor starts under this name."""
    from actors.history.actor import History
    from actors.history.history_home import HistoryHome

    return History(context, HistoryHome(context.locations.state))
