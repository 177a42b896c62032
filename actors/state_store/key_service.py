"""Answers the requests about keys: save, load, delete, exists, list, batches, and health."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import assert_never

from actors.state_store import state_replies
from actors.state_store.engine.operations import Delete, Save, WriteStep
from actors.state_store.engine.store import StateStore
from actors.state_store.health import HealthReporter
from actors.state_store.store_access import Access, Answer, StoreAccess, WriteReply
from bus.errors import Refused
from schemas.event import Event
from schemas.state import (
    BATCH_LIMIT,
    PAGE_LIMIT,
    StateDeleteRequestEvent,
    StateExistsReportedEvent,
    StateExistsRequestEvent,
    StateHealthRequestEvent,
    StateListedEvent,
    StateListRequestEvent,
    StateLoadBatchRequestEvent,
    StateLoadedEvent,
    StateLoadRequestEvent,
    StateSaveBatchRequestEvent,
    StateSaveRequestEvent,
)

KeyRequest = (
    StateSaveRequestEvent
    | StateLoadRequestEvent
    | StateDeleteRequestEvent
    | StateExistsRequestEvent
    | StateListRequestEvent
    | StateSaveBatchRequestEvent
    | StateLoadBatchRequestEvent
    | StateHealthRequestEvent
)


class KeyService:
    """Serves keys, each peer only those of its namespaces."""

    def __init__(self, store: StateStore, access: StoreAccess, health: HealthReporter) -> None:
        self._store = store
        self._access = access
        self._health = health

    def handle(self, who: str, event: KeyRequest) -> Event | Answer:
        """Check who asks; returns the reply, or the work that finds it.

        Raises:
            Refused: the request is not valid, or the peer may not.
        """
        match event:
            case StateSaveRequestEvent():
                access = Access(who, "save", event.key)
                return self._write(access, lambda: self._save(who, event), state_replies.saved)
            case StateDeleteRequestEvent():
                access = Access(who, "delete", event.key)
                return self._write(access, lambda: self._delete(who, event), state_replies.deleted)
            case StateSaveBatchRequestEvent():
                access = Access(who, "save", event.operations[0].key if event.operations else "")
                return self._access.write(access, lambda: self._batch(who, event), state_replies.batch_saved)
            case StateLoadRequestEvent():
                return self._load(who, event)
            case StateLoadBatchRequestEvent():
                return self._load_batch(who, event)
            case StateExistsRequestEvent():
                access = Access(who, "exists", event.key)
                key = self._access.readable(access, event.key)
                self._access.succeeded(access.of(key))
                return StateExistsReportedEvent(key=key, exists=key in self._store.index)
            case StateListRequestEvent():
                return self._list(who, event)
            case StateHealthRequestEvent():
                return self._health.health()
            case _:
                assert_never(event)

    def _write(self, access: Access, make_step: Callable[[], WriteStep], reply: WriteReply) -> Answer:
        return self._access.write(access, lambda: [make_step()], reply)

    def _save(self, who: str, event: StateSaveRequestEvent) -> Save:
        return Save(
            self._access.permitted(who, "write", event.key),
            event.value,
            event.encrypt,
            event.compress,
            event.backup,
            event.expected_revision,
            event.schema,
        )

    def _delete(self, who: str, event: StateDeleteRequestEvent) -> Delete:
        key = self._access.permitted(who, "write", event.key)
        return Delete(key, event.backup, event.expected_revision)

    def _batch(self, who: str, event: StateSaveBatchRequestEvent) -> list[WriteStep]:
        if len(event.operations) > BATCH_LIMIT:
            raise Refused(f"a batch has at most {BATCH_LIMIT} operations, found {len(event.operations)}")
        steps: list[WriteStep] = []
        for one in event.operations:
            key = self._access.permitted(who, "write", one.key)
            if one.type == "delete":
                steps.append(Delete(key, one.backup, one.expected_revision))
            else:
                steps.append(
                    Save(key, one.value, one.encrypt, one.compress, one.backup, one.expected_revision)
                )
        return steps

    def _load(self, who: str, event: StateLoadRequestEvent) -> Answer:
        access = Access(who, "load", event.key)
        key = self._access.readable(access, event.key)
        load = functools.partial(self._store.load, key, event.schema)
        return self._access.read(access.of(key), load, _as_it_is)

    def _load_batch(self, who: str, event: StateLoadBatchRequestEvent) -> Answer:
        access = Access(who, "load", "")
        keys = [self._access.readable(access, key) for key in event.keys[: BATCH_LIMIT + 1]]
        if len(keys) > BATCH_LIMIT:
            raise Refused(f"a batch has at most {BATCH_LIMIT} keys")
        reply = functools.partial(state_replies.batch_loaded, event.keys)
        load = functools.partial(self._store.load_many, keys)
        return self._access.read(access.of(", ".join(keys[:3])), load, reply)

    def _list(self, who: str, event: StateListRequestEvent) -> StateListedEvent:
        access = Access(who, "list", event.prefix)
        limit = max(1, min(event.limit, PAGE_LIMIT))
        namespaces = self._store.namespaces.readable(who)
        page = self._store.index.page(event.prefix, event.after, limit, namespaces)
        self._access.succeeded(access)
        return state_replies.listed(*page)


def _as_it_is(found: StateLoadedEvent) -> StateLoadedEvent:
    return found
