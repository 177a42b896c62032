"""Reads and writes that peers asked for: noted, counted, repeated once after a locked key, and announced.

The handler of a request checks the asker and submits a write at once, so that writes keep their order. The
answer is found beside the inbox, once the write is durable or the file was read.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

import anyio
import anyio.to_thread

from actors.state_store import state_replies
from actors.state_store.committer import Committer
from actors.state_store.engine.key_paths import namespace_of, parse_key
from actors.state_store.engine.operations import StepDone, WriteStep
from actors.state_store.engine.store import StateStore
from actors.state_store.errors import LoadFailed, QuotaExceeded, SaveFailed, StateError
from actors.state_store.health import HealthReporter
from actors.state_store.key_unlocker import KeyUnlocker
from bus.errors import Refused
from schemas.event import Event

READERS: Final = 4
"""How many threads read files at once."""

NOTED_KEY_LIMIT: Final = 200
FoundT = TypeVar("FoundT")
Answer = Callable[[], Awaitable[Event]]
"""Finds the reply to a request, beside the inbox."""

WriteReply = Callable[[list[StepDone]], Event]
"""Makes the reply from what was written."""


@dataclass(frozen=True, slots=True)
class Access:
    """One request of a peer.

    Attributes:
        who: name of the peer, as the broker says.
        verb: `save`, `load`, `delete`, `exists` or `list`.
        name: the key, for the audit log; of several keys the first.
        began: when it arrived, on `time.perf_counter`.
    """

    who: str
    verb: str
    name: str
    began: float = field(default_factory=time.perf_counter)

    def of(self, key: str) -> Access:
        """The same access, with the key as it was checked."""
        return Access(self.who, self.verb, key, self.began)

    @property
    def took_seconds(self) -> float:
        """Time since the request arrived."""
        return time.perf_counter() - self.began


class StoreAccess:
    """The one way from requests to the store."""

    def __init__(
        self,
        store: StateStore,
        committer: Committer,
        health: HealthReporter,
        unlocker: KeyUnlocker,
        publish: Callable[[Event], Awaitable[None]],
    ) -> None:
        """Make the way to a store.

        Args:
            store: where values are read.
            committer: takes what is written.
            health: counts and notes every access.
            unlocker: is asked when a key is locked.
            publish: announces changes.
        """
        self._store = store
        self._committer = committer
        self._health = health
        self._unlocker = unlocker
        self._publish = publish
        self._readers = anyio.CapacityLimiter(READERS)

    def permitted(self, who: str, verb: str, text: str) -> str:
        """The key that a text names, if the peer may `read` or `write` it.

        Raises:
            KeyRefused, AccessDenied: it is not a key, or the peer may not.
        """
        key = parse_key(text)
        self._store.namespaces.check(verb, key, who)
        return key

    def readable(self, access: Access, text: str) -> str:
        """The key that a text names, if the peer may read it.

        Raises:
            Refused: it is not a key, or the peer may not; this is noted.
        """
        try:
            return self.permitted(access.who, "read", text)
        except StateError as error:
            raise self.refusal(access, error, text[:NOTED_KEY_LIMIT]) from error

    def succeeded(self, access: Access) -> None:
        """Count and note a request that was answered."""
        self._health.succeeded(access.who, access.verb, access.name, access.took_seconds)

    def refusal(self, access: Access, error: Exception, name: str) -> Refused:
        """Count and note a request that is refused; returns the error to raise."""
        self._health.was_refused(access.who, access.verb, name, str(error))
        return Refused(str(error))

    def write(
        self,
        access: Access,
        make_steps: Callable[[], Sequence[WriteStep]],
        reply: WriteReply,
    ) -> Answer:
        """Submit a transaction; the answer waits until it is durable.

        Args:
            access: who asks for what.
            make_steps: checks the request, and makes the steps.
            reply: makes the reply from the outcome.

        Raises:
            Refused: the request is not valid, or the peer may not.
        """
        try:
            steps = make_steps()
        except (StateError, Refused) as error:
            raise self.refusal(access, error, access.name[:NOTED_KEY_LIMIT]) from error
        outcome = self._committer.submit(steps)

        async def answer() -> Event:
            done = await self._outcome(access, steps, outcome)
            made = reply(done)
            took_seconds = access.took_seconds
            for one in done:
                verb = "delete" if one.deleted else "save"
                self._health.succeeded(access.who, verb, one.key, took_seconds)
                await self._health.quota_sufficed(namespace_of(one.key))
            await self._announce(access.who, done)
            return made

        return answer

    def read(self, access: Access, read: Callable[[], FoundT], reply: Callable[[FoundT], Event]) -> Answer:
        """Read in a thread.

        Args:
            access: who asks for what.
            read: reads the store.
            reply: makes the reply from what was read.
        """

        async def answer() -> Event:
            try:
                found = await self._read(read)
            except StateError as error:
                refusal = self.refusal(access, error, error.key)
                await self._health.report_incidents()
                raise refusal from error
            await self._health.report_incidents()
            self.succeeded(access)
            return reply(found)

        return answer

    async def _read(self, read: Callable[[], FoundT]) -> FoundT:
        try:
            return await anyio.to_thread.run_sync(read, limiter=self._readers)
        except LoadFailed as error:
            if not error.is_locked:
                raise
        await self._unlocker.unlock()
        return await anyio.to_thread.run_sync(read, limiter=self._readers)

    async def _outcome(
        self, access: Access, steps: Sequence[WriteStep], outcome: Awaitable[list[StepDone]]
    ) -> list[StepDone]:
        try:
            try:
                return await outcome
            except SaveFailed as error:
                if not error.is_locked:
                    raise
            await self._unlocker.unlock()
            return await self._committer.submit(steps)
        except StateError as error:
            refusal = self.refusal(access, error, error.key)
            await self._health.report_incidents()
            if isinstance(error, QuotaExceeded):
                await self._health.quota_exceeded(error.subject, str(error))
            raise refusal from error

    async def _announce(self, who: str, done: Sequence[StepDone]) -> None:
        self._health.measure()
        await self._health.report_incidents()
        for one in done:
            if one.revision:  # 0: a key was deleted that did not exist
                await self._publish(state_replies.changed(one.key, one.revision, who, deleted=one.deleted))
