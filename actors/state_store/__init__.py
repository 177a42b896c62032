"""Keeps key-value state and typed documents: an acknowledged write is on disk, a batch is whole or absent.

Owns `<state>/store/` (values, journal, backups) and `<state>/audit/`. Serves `state.*`, `documents.*` and
`backups.*`. Hears nothing. Publishes `state.changed`, `documents.changed`, `backups.progressed` and
`keys.state_changed`, and never a value.

Promises:

* A write that was answered survives a crash and a power cut. Writes keep the order in which they came.
* A reader sees a value whole, as it was before a write or after it.
* A damaged document is never overwritten: it is kept as evidence, and the newest good copy takes its place.
* A locked key is no damage: the request is refused, and nothing is touched.
* Every access is noted in the audit log, refused ones included, never with a value.

Words used here:

* key: the name of a value, `<namespace>.<rest>`. A namespace has an owner, a quota and its rules.
* envelope: the file around a value; says which key, schema, version and revision, and has a digest.
* revision: a number over the whole store that only grows; the condition `expected_revision` refers to it.
* step: one save, delete or put-back. A transaction is a list of steps; a group shares one sync.
* journal: durable intentions, in files called segments. A checkpoint makes the changed files durable and
  drops segments.
* incident: something that went wrong in the store and becomes an alert.
* former value: a value that a save replaced and kept below `backups/auto`.
* extra: a file outside the store that a backup holds as well: settings and wrapped keys.

| layer | what | module |
|---|---|---|
| process | builds everything, hands requests on | `actor.py` |
| requests | keys, documents, backups | `key_service.py`, `document_service.py`, `backups/backup_service.py` |
| between | the way to the store; replies | `store_access.py`, `committer.py`, `state_replies.py` |
| reports | alerts, metrics, audit, keys | `health.py`, `audit_notes.py`, `key_unlocker.py`, `key_status.py` |
| backups | copies, restore, check, repair | `backups/` |
| documents | types, instances, cache | `documents/` |
| engine | files, journal, transactions, schemas | `engine/` |

Begin with `engine/store.py`, then `actor.py`. docs/state.md, docs/backups.md and docs/keys.md are for users.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors.shared.context import ActorContext
    from bus.actor import Actor


def build(context: ActorContext) -> Actor[Any]:
    """The actor that the supervisor starts under this name."""
    from actors.state_store.actor import StateStoreActor

    return StateStoreActor.of(context)
