"""The state store as a process: who asks is checked, writes share a sync, and are durable when they are answered."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final, Self, TypeVar, assert_never

import anyio
import anyio.to_thread

from actors.state_store import state_replies
from actors.state_store.audit_notes import Audit, Auditor
from actors.state_store.backups.backup_service import BackupDesk, BackupRequest
from actors.state_store.backups.repository import Vault
from actors.state_store.documents import document_types
from actors.state_store.documents.document_store import Document, DocumentStore, key_of
from actors.state_store.engine import key_paths
from actors.state_store.engine.committer import Committer
from actors.state_store.engine.operations import Delete, Done, Save, Step
from actors.state_store.engine.store import StateStore
from actors.state_store.engine.value_schemas import of_profile
from actors.state_store.errors import LoadFailed, QuotaExceeded, SaveFailed, StateError
from actors.state_store.health import Teller
from actors.state_store.key_status import ASK_AGAIN_SECONDS, KeyNews
from actors.state_store.key_unlocker import Locksmith
from actors.state_store.namespaces import MIB, Namespaces
from bus.actor import Actor, Later
from bus.client import asker
from bus.errors import Refused
from schemas.backups import (
    BackupCreateRequestEvent,
    BackupRestoreRequestEvent,
    BackupsListRequestEvent,
    BackupsPruneRequestEvent,
    BackupsVerifyRequestEvent,
    StateCheckRequestEvent,
)
from schemas.documents import (
    DocumentCacheRequestEvent,
    DocumentChangedEvent,
    DocumentReadRequestEvent,
    DocumentTypesRequestEvent,
    DocumentWriteRequestEvent,
    DocumentWrittenEvent,
)
from schemas.event import Event
from schemas.state import (
    BATCH_LIMIT,
    PAGE_LIMIT,
    StateChangedEvent,
    StateDeleteRequestEvent,
    StateExistsReportedEvent,
    StateExistsRequestEvent,
    StateHealthRequestEvent,
    StateListRequestEvent,
    StateLoadBatchRequestEvent,
    StateLoadRequestEvent,
    StateSaveBatchRequestEvent,
    StateSaveRequestEvent,
)

if TYPE_CHECKING:
    from actors.shared.context import ActorContext
    from schemas.keys import KeysReport

DIRECTORY_NAME: Final = "store"
READERS: Final = 4
"""Files are read by so many threads at once."""

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
DocumentRequest = (
    DocumentReadRequestEvent
    | DocumentWriteRequestEvent
    | DocumentTypesRequestEvent
    | DocumentCacheRequestEvent
)
Inbox = KeyRequest | DocumentRequest | BackupRequest
ReplyT = TypeVar("ReplyT", bound=Event)
FoundT = TypeVar("FoundT")
Unlock = Callable[[], bool]
"""Ask the keychain, in a thread; returns whether keys are to be had now."""


class StateStoreActor(Actor[Inbox]):
    """Serves keys and typed documents, and lets nobody touch what is not theirs."""

    def __init__(
        self,
        store: StateStore,
        documents: DocumentStore,
        unlock: Unlock | None = None,
        audit: Audit | None = None,
        report: Callable[[], KeysReport] | None = None,
        desk: BackupDesk | None = None,
    ) -> None:
        """Args: report: how the keys fare. desk: answers about backups."""
        self._desk = desk
        self._report = report
        self._store = store
        self._documents = documents
        self._unlock = unlock
        self._audit = audit
        self._under_way = 0
        self._all_answered = anyio.Event()

    @classmethod
    def of(cls, surroundings: ActorContext) -> Self:
        """The store of an app.

        Raises:
            DeclarationRefused, ProfileError: what the profile declares about state cannot be.
        """
        from actors.shared.keys.key_ring import open_ring

        profile, root = surroundings.profile, surroundings.locations.state / DIRECTORY_NAME
        ring = open_ring(
            surroundings.locations.state, [root, surroundings.locations.state / "history"]
        )  # no key is made while either holds ciphertext
        store = StateStore(
            root,
            Namespaces(profile.state_namespaces),
            of_profile(profile),
            ring,
            quota_bytes=profile.state.quota_mib * MIB,
        )
        types = document_types.kinds_of(profile.load(profile.documents)) if profile.documents else {}
        documents, audit = (
            DocumentStore(store, types, profile.state.cache_seconds),
            Auditor.of(surroundings.locations.state),
        )
        store.schemata.check_migrations()
        home = {
            "config.json": surroundings.locations.config / "config.json",
            "keys.json": surroundings.locations.state / "keys" / "keys.json",
        }
        desk = BackupDesk(store, documents, Vault(root / "backups"), home, profile.state.backups, audit)
        return cls(store, documents, Locksmith(ring).unlock, audit, ring.report, desk)

    async def prepare(self) -> None:
        """Carry out what the journal holds, and find all keys."""
        await anyio.to_thread.run_sync(self._store.start)
        self._teller = Teller(self._store, self.alerts, self.metrics, self._audit)
        self._committer = Committer(self._store)
        self._readers = anyio.CapacityLimiter(READERS)
        self._unlocking = anyio.Lock()
        self._key_news = (
            KeyNews(self.peer.name, self._report, self.peer.publish, self.alerts)
            if self._report is not None
            else None
        )
        if self._audit is not None:
            await anyio.to_thread.run_sync(self._audit.open)
            self.tasks.start_soon(self._audit.settle)
        self._teller.measure()
        await self._teller.incidents()
        if self._desk is not None:
            await self._desk.open(
                self.peer.publish, self.alerts, self.tasks, self._ask_keychain, self._teller.incidents
            )
            self.tasks.start_soon(self._desk.run)
        self.tasks.start_soon(self._committer.run)
        self.tasks.start_soon(self._committer.tidy)

    async def handle(self, event: Inbox) -> Event | Later:
        """Check who asks and let it be done beside the inbox; writes keep the order in which they came."""
        match event:
            case (
                DocumentReadRequestEvent()
                | DocumentWriteRequestEvent()
                | DocumentTypesRequestEvent()
                | DocumentCacheRequestEvent()
            ):
                return self._document(event)
            case (
                BackupCreateRequestEvent()
                | BackupsListRequestEvent()
                | BackupsVerifyRequestEvent()
                | BackupRestoreRequestEvent()
                | BackupsPruneRequestEvent()
                | StateCheckRequestEvent()
            ):
                if self._desk is None:
                    raise Refused("this store keeps no backups")
                return self._desk.handle(asker.get(), event)
            case _:
                return self._key(event)

    async def close(self) -> None:
        """Finish what is under way, and bring everything to its file."""
        if self._desk is not None:
            self._desk.end()
        while self._under_way:
            self._all_answered = anyio.Event()
            await self._all_answered.wait()
        await self._committer.drained()
        await anyio.to_thread.run_sync(self._store.close)
        await self._teller.incidents()
        if self._audit is not None:
            await anyio.to_thread.run_sync(self._audit.close)

    # -- keys
    # ------------------------------------------------------------------------------------------------------

    def _key(self, event: KeyRequest) -> Event | Later:
        who, began = asker.get(), time.perf_counter()
        match event:
            case StateSaveRequestEvent():
                return self._write(
                    who, "save", event.key, began, lambda: [self._save_step(who, event)], state_replies.saved
                )
            case StateDeleteRequestEvent():
                return self._write(
                    who,
                    "delete",
                    event.key,
                    began,
                    lambda: [self._delete_step(who, event)],
                    state_replies.deleted,
                )
            case StateSaveBatchRequestEvent():
                name = event.operations[0].key if event.operations else ""
                return self._write(
                    who, "save", name, began, lambda: self._batch(who, event), state_replies.batch_saved
                )
            case StateLoadRequestEvent():
                key = self._checked(who, "load", "read", event.key)
                return self._later(
                    self._load(
                        who,
                        key,
                        began,
                        functools.partial(self._store.load, key, event.schema),
                        state_replies.loaded,
                    )
                )
            case StateLoadBatchRequestEvent():
                found = [self._checked(who, "load", "read", key) for key in event.keys[: BATCH_LIMIT + 1]]
                if len(found) > BATCH_LIMIT:
                    raise Refused(f"a batch has at most {BATCH_LIMIT} keys")
                render = functools.partial(state_replies.batch_loaded, event.keys)
                return self._later(
                    self._load(
                        who,
                        ", ".join(found[:3]),
                        began,
                        functools.partial(self._store.load_many, found),
                        render,
                    )
                )
            case StateExistsRequestEvent():
                key = self._checked(who, "exists", "read", event.key)
                self._teller.went_well(who, "exists", key, time.perf_counter() - began)
                return StateExistsReportedEvent(key=key, exists=key in self._store.index)
            case StateListRequestEvent():
                limit = max(1, min(event.limit, PAGE_LIMIT))
                page = self._store.index.page(
                    event.prefix, event.after, limit, self._store.namespaces.readable(who)
                )
                self._teller.went_well(who, "list", event.prefix, time.perf_counter() - began)
                return state_replies.listed(*page)
            case StateHealthRequestEvent():
                return self._teller.health()
            case _:
                assert_never(event)

    def _save_step(self, who: str, event: StateSaveRequestEvent) -> Save:
        key = self._permitted(who, "write", event.key)
        return Save(
            key,
            event.value,
            event.encrypt,
            event.compress,
            event.backup,
            event.expected_revision,
            event.schema,
        )

    def _delete_step(self, who: str, event: StateDeleteRequestEvent) -> Delete:
        return Delete(self._permitted(who, "write", event.key), event.backup, event.expected_revision)

    def _batch(self, who: str, event: StateSaveBatchRequestEvent) -> list[Step]:
        if len(event.operations) > BATCH_LIMIT:
            raise Refused(f"a batch has at most {BATCH_LIMIT} operations, found {len(event.operations)}")
        steps: list[Step] = []
        for one in event.operations:
            key = self._permitted(who, "write", one.key)
            if one.type == "delete":
                steps.append(Delete(key, one.backup, one.expected_revision))
            else:
                steps.append(
                    Save(key, one.value, one.encrypt, one.compress, one.backup, one.expected_revision)
                )
        return steps

    # -- documents
    # -------------------------------------------------------------------------------------------------

    def _document(self, event: DocumentRequest) -> Event | Later:
        who, began = asker.get(), time.perf_counter()
        try:
            match event:
                case DocumentReadRequestEvent():
                    self._store.namespaces.check_any("read", key_of(event.type_name), who)
                    cached = self._documents.cached(event.type_name)
                    if cached is not None:
                        self._teller.went_well(
                            who, "load", key_of(event.type_name), time.perf_counter() - began
                        )
                        return state_replies.document(cached)
                    name = key_of(event.type_name)
                    return self._later(
                        self._load(
                            who,
                            name,
                            began,
                            functools.partial(self._documents.fetch, event.type_name),
                            state_replies.document,
                        )
                    )
                case DocumentWriteRequestEvent():
                    return self._write_document(who, began, event)
                case DocumentTypesRequestEvent():
                    return state_replies.types(self._documents.kinds, self._store.schemata)
                case DocumentCacheRequestEvent():
                    if event.clear:
                        self._documents.clear(event.type_name or None)
                    return state_replies.cache(self._documents.ttl_seconds, self._documents.statistics())
                case _:
                    assert_never(event)
        except StateError as error:
            self._teller.was_refused(who, "load", error.key, str(error))
            raise Refused(str(error)) from error

    def _write_document(self, who: str, began: float, event: DocumentWriteRequestEvent) -> Later:
        prepared: list[Document] = []

        def steps() -> Sequence[Step]:
            self._store.namespaces.check_any("write", key_of(event.type_name), who)
            document, step = self._documents.prepare(event.type_name, event.value, event.expected_revision)
            prepared.append(document)
            return [step]

        def answer(done: list[Done]) -> DocumentWrittenEvent:
            return DocumentWrittenEvent(
                type_name=event.type_name, revision=self._documents.written(prepared[0], done[0])
            )

        return self._write(who, "save", key_of(event.type_name), began, steps, answer)

    # -- both
    # ------------------------------------------------------------------------------------------------------

    def _permitted(self, who: str, verb: str, text: str) -> str:
        key = key_paths.parse_key(text)
        self._store.namespaces.check(verb, key, who)
        return key

    def _checked(self, who: str, asked: str, verb: str, text: str) -> str:
        try:
            return self._permitted(who, verb, text)
        except StateError as error:
            self._teller.was_refused(who, asked, text[:200], str(error))
            raise Refused(str(error)) from error

    def _write(
        self,
        who: str,
        verb: str,
        name: str,
        began: float,
        steps_of: Callable[[], Sequence[Step]],
        answer: Callable[[list[Done]], Event],
    ) -> Later:
        """Submit what is to be written at once, so that the order keeps; the answer waits until it is durable."""
        try:
            steps = steps_of()
        except (StateError, Refused) as error:
            self._teller.was_refused(who, verb, name[:200], str(error))
            raise Refused(str(error)) from error
        return self._later(self._written(who, verb, steps, began, self._committer.submit(steps), answer))

    async def _written(
        self,
        who: str,
        verb: str,
        steps: Sequence[Step],
        began: float,
        outcome: asyncio.Future[list[Done]],
        answer: Callable[[list[Done]], Event],
    ) -> Event:
        try:
            try:
                done = await outcome
            except SaveFailed as error:
                if not error.is_locked:
                    raise
                await self._ask_keychain()
                done = await self._committer.submit(steps)
        except StateError as error:
            self._teller.was_refused(who, verb, error.key, str(error))
            await self._teller.incidents()
            if isinstance(error, QuotaExceeded):
                await self._teller.quota_exceeded(error.subject, str(error))
            raise Refused(str(error)) from error
        reply = answer(done)
        took_seconds = time.perf_counter() - began
        for one in done:
            self._teller.went_well(who, "delete" if one.deleted else "save", one.key, took_seconds)
            await self._teller.there_is_room(key_paths.namespace_of(one.key))
        await self._announce(who, done)
        return reply

    async def _announce(self, who: str, done: list[Done]) -> None:
        self._teller.measure()
        await self._teller.incidents()
        for one in done:
            if one.revision == 0:
                continue  # it was to be deleted, and was not there
            if key_paths.namespace_of(one.key) == key_paths.DOCUMENTS:
                await self.peer.publish(
                    DocumentChangedEvent(
                        type_name=key_paths.rest_of(one.key), revision=one.revision, source=who
                    )
                )
            else:
                await self.peer.publish(
                    StateChangedEvent(key=one.key, revision=one.revision, deleted=one.deleted, source=who)
                )

    async def _load(
        self,
        who: str,
        name: str,
        began: float,
        read: Callable[[], FoundT],
        answer: Callable[[FoundT], ReplyT],
    ) -> ReplyT:
        try:
            try:
                found = await anyio.to_thread.run_sync(read, limiter=self._readers)
            except LoadFailed as error:
                if not error.is_locked:
                    raise
                await self._ask_keychain()
                found = await anyio.to_thread.run_sync(read, limiter=self._readers)
        except StateError as error:
            self._teller.was_refused(who, "load", error.key, str(error))
            await self._teller.incidents()
            raise Refused(str(error)) from error
        await self._teller.incidents()
        self._teller.went_well(who, "load", name, time.perf_counter() - began)
        return answer(found)

    async def _ask_keychain(self) -> None:
        """Ask for the keys, one at a time; whether they are there shows when they are used again."""
        if self._unlock is not None:
            async with self._unlocking:
                await anyio.to_thread.run_sync(self._unlock)
        if self._key_news is not None and await self._key_news.tell():
            self.tasks.start_soon(self._ask_again, self._key_news)

    async def _ask_again(self, news: KeyNews) -> None:
        """Ask by itself while keys are locked, so that what is told of them stays true."""
        while news.is_locked:
            await anyio.sleep(ASK_AGAIN_SECONDS)
            await self._ask_keychain()

    def _later(self, work: Awaitable[Event]) -> Later:
        """Let it be answered beside the inbox; `close` waits for it."""
        self._under_way += 1

        async def counted() -> Event:
            try:
                return await work
            finally:
                self._under_way -= 1
                self._all_answered.set()

        return Later(counted)
