"""Answers the requests about backups and checks; one at a time, beside everything else."""

from __future__ import annotations

import fnmatch
from collections.abc import Awaitable, Callable, Sequence
from typing import assert_never

from actors.state_store import state_replies
from actors.state_store.audit_notes import AuditTrail
from actors.state_store.backups.backup_jobs import BackupJobs
from actors.state_store.backups.restore import RestoreOutcome
from actors.state_store.engine.store import StateStore
from actors.state_store.errors import StoreBroken
from actors.state_store.health import HealthReporter
from bus.error_words import in_words
from bus.errors import Refused, UndercroftError
from schemas.backups import (
    BACKUP_NAME_LIMIT,
    RESTORE_KEY_LIMIT,
    BackupCreatedEvent,
    BackupCreateRequestEvent,
    BackupRestoredEvent,
    BackupRestoreRequestEvent,
    BackupsListedEvent,
    BackupsListRequestEvent,
    BackupsPruneRequestEvent,
    BackupsVerifyRequestEvent,
    StateCheckedEvent,
    StateCheckRequestEvent,
)
from schemas.event import Event, topic_of

BackupRequest = (
    BackupCreateRequestEvent
    | BackupsListRequestEvent
    | BackupsVerifyRequestEvent
    | BackupRestoreRequestEvent
    | BackupsPruneRequestEvent
    | StateCheckRequestEvent
)
NOTED_ID_LIMIT = 200


class BackupService:
    """Serves backups to the peers that the profile names as operators."""

    def __init__(
        self,
        jobs: BackupJobs,
        store: StateStore,
        health: HealthReporter,
        audit: AuditTrail,
        publish: Callable[[Event], Awaitable[None]],
        operators: Sequence[str],
    ) -> None:
        """Make the service.

        Args:
            jobs: carry requests out.
            store: what was restored.
            health: reports what a check found out about the store.
            audit: takes a note of every request.
            publish: announces what a restore changed.
            operators: patterns of the names of peers that may ask.
        """
        self._jobs = jobs
        self._store = store
        self._health = health
        self._audit = audit
        self._publish = publish
        self._operators = operators

    def handle(self, who: str, event: BackupRequest) -> Callable[[], Awaitable[Event]]:
        """Check who asks; returns the work that finds the reply.

        Raises:
            Refused: the peer may not, or asks for too much.
        """
        if not any(fnmatch.fnmatchcase(who, pattern) for pattern in self._operators):
            self._note(who, event, "", "refused")
            raise Refused(f"{who!r} may not use backups; see [state.backups] operators in profile.toml")
        if isinstance(event, BackupCreateRequestEvent) and len(event.name) > BACKUP_NAME_LIMIT:
            raise Refused(f"the name of a backup has at most {BACKUP_NAME_LIMIT} characters")
        if isinstance(event, BackupRestoreRequestEvent) and len(event.keys) > RESTORE_KEY_LIMIT:
            raise Refused(
                f"at most {RESTORE_KEY_LIMIT} keys are restored by name; name none to restore everything"
            )
        return lambda: self._answer(who, event)

    async def _answer(self, who: str, event: BackupRequest) -> Event:
        id = getattr(event, "id", "")
        try:
            async with self._jobs.turn:
                reply = await self._carry_out(who, event)
        except StoreBroken:
            raise
        except (UndercroftError, OSError) as error:
            self._note(who, event, id, "refused")
            await self._health.report_incidents()
            raise Refused(in_words(error)) from error
        await self._health.report_incidents()
        self._note(who, event, reply.backup.id if isinstance(reply, BackupCreatedEvent) else id, "ok")
        return reply

    async def _carry_out(self, who: str, event: BackupRequest) -> Event:
        match event:
            case BackupCreateRequestEvent():
                return BackupCreatedEvent(backup=await self._jobs.create("manual", event.name))
            case BackupsListRequestEvent():
                listing = await self._jobs.listing()
                return BackupsListedEvent(
                    backups=[one.info() for one in listing.manifests],
                    faults=listing.faults,
                    unfinished=[*listing.unfinished],
                )
            case BackupsVerifyRequestEvent():
                return await self._jobs.verify(event.id)
            case BackupRestoreRequestEvent():
                return await self._restore(who, event)
            case BackupsPruneRequestEvent():
                return await self._jobs.prune(dry_run=event.dry_run)
            case StateCheckRequestEvent():
                report = await self._jobs.check(repair=event.repair)
                return StateCheckedEvent(**vars(report))
            case _:
                assert_never(event)

    async def _restore(self, who: str, event: BackupRestoreRequestEvent) -> BackupRestoredEvent:
        outcome = await self._jobs.restore(event)
        if not event.dry_run:
            await self._announce(who, outcome)
        return BackupRestoredEvent(
            id=outcome.id,
            saved_as=outcome.saved_as,
            changed=len(outcome.changed),
            removed=len(outcome.removed),
            unchanged=outcome.unchanged,
            left_out=sorted(outcome.left_out)[:RESTORE_KEY_LIMIT],
            settings=outcome.settings,
        )

    async def _announce(self, who: str, outcome: RestoreOutcome) -> None:
        revision = self._store.revision
        for key, changed in outcome.changed.items():
            await self._publish(state_replies.changed(key, changed, who))
        for key in outcome.removed:
            await self._publish(state_replies.changed(key, revision, who, deleted=True))

    def _note(self, who: str, event: BackupRequest, id: str, outcome: str) -> None:
        self._audit.record(who, topic_of(type(event)), id[:NOTED_ID_LIMIT], outcome)
