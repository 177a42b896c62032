"""The configuration store as a process: memory first, then the event, then the disk, then the answer."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, assert_never

import anyio
import anyio.to_thread
from pydantic import BaseModel

from actors.config_store import document, policy
from actors.storage.durable import DurableWriteFailed
from bus.actor import Actor
from schemas.config import RuntimeConfigRequestEvent, RuntimeConfigResponseEvent, SettingProblem, SettingsChangedEvent

if TYPE_CHECKING:
    from actors.launch import Surroundings

FILE_NAME: Final = "config.json"
RETRY_SECONDS: Final = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Delays before a failed write is tried again; the last one repeats."""

Inbox = RuntimeConfigRequestEvent
Save = Callable[[Mapping[str, Any], Mapping[str, Any]], None]
log = logging.getLogger(__name__)


class ConfigStore(Actor[Inbox]):
    """Holds the one live configuration, and its overrides on disk."""

    def __init__(self, model: type[BaseModel], allowlist: tuple[str, ...] | None, path: Path, save: Save | None = None) -> None:
        self._path = path
        self._save = save or (lambda overrides, others: document.write(path, overrides, others))
        self._stored = document.read(path)
        self._now, self._problems = policy.load(model, allowlist, self._stored.overrides)
        self._is_durable = True
        self._undurable = anyio.Event()
        self._disk = anyio.Lock()

    @classmethod
    def of(cls, surroundings: Surroundings) -> Self:
        """Build it for a profile.

        Raises:
            ProfileError: the profile declares no settings model.
            ConfigUnreadable: `config.json` is there but cannot be read.
        """
        profile = surroundings.profile
        return cls(profile.load_settings(), profile.allowlist, surroundings.locations.config / FILE_NAME)

    async def prepare(self) -> None:
        """Say what was loaded, and what of it could not be taken."""
        if self._stored.put_aside is not None:
            log.error("%s: %s; it was put aside as %s and defaults apply", self._path, self._stored.fault, self._stored.put_aside)
        for problem in self._problems:
            log.warning("%s: override %r is not in effect: %s; it stays in the file", self._path, problem.path, problem.problem)
        await self._announce("start", self._now.effective)
        self.tasks.start_soon(self._keep_trying)

    async def handle(self, event: Inbox) -> RuntimeConfigResponseEvent:
        """Judge a request on a copy; if it is taken whole, it is in effect, announced and on disk before it is answered."""
        verdict = self._judge(event)
        if event.operation == "get_effective" or event.dry_run or not verdict.is_taken:
            return self._response(event, verdict)
        if self._stored.is_newer:
            words = f"{self._path} has format {self._stored.format}, of a later version; this one writes format {document.FORMAT}, so it only reads"
            return self._response(event, policy.Verdict(self._now, problems=(SettingProblem(path="", problem=words),)))
        before, self._now = self._now, verdict.after
        if verdict.changed:
            await self._announce(event.operation, verdict.changed)
        if dict(before.overrides) != dict(self._now.overrides) or dict(before.set_aside) != dict(self._now.set_aside) or not self._is_durable:
            await self._persist()
        return self._response(event, verdict)

    def _judge(self, event: Inbox) -> policy.Verdict:
        match event.operation:
            case "get_effective":
                return policy.Verdict(self._now)
            case "update":
                return policy.update(self._now, event.updates)
            case "reset_section":
                return policy.reset_section(self._now, event.section)
            case "reset_defaults":
                return policy.reset_defaults(self._now)
            case _:
                assert_never(event.operation)

    def _response(self, event: Inbox, verdict: policy.Verdict) -> RuntimeConfigResponseEvent:
        return RuntimeConfigResponseEvent(
            success=verdict.is_taken,
            message=_message(event, verdict, durable=self._is_durable),
            durable=self._is_durable,
            settings=verdict.after.settings,
            overrides=dict(verdict.after.overrides),
            problems=list(verdict.problems),
            revision=verdict.after.revision,
        )

    async def _announce(self, reason: Any, changed: Mapping[str, Any]) -> None:
        now = self._now
        await self.peer.publish(SettingsChangedEvent(changed=dict(changed), settings=now.settings, revision=now.revision, reason=reason))

    async def _persist(self) -> None:
        """Bring what is in effect to disk. What could not be written stays in memory and is tried again."""
        async with self._disk:
            now = self._now
            try:
                await anyio.to_thread.run_sync(self._save, {**now.set_aside, **now.overrides}, self._stored.others)
            except (DurableWriteFailed, OSError) as error:
                log.error("settings are in effect but not durable: %s", error)
                self._is_durable = False
                self._undurable.set()
            else:
                self._is_durable = True

    async def _keep_trying(self) -> None:
        """After a write failed, write again until what is in effect is durable."""
        while True:
            await self._undurable.wait()
            self._undurable = anyio.Event()
            for delay_seconds in itertools.chain(RETRY_SECONDS, itertools.repeat(RETRY_SECONDS[-1])):
                await anyio.sleep(delay_seconds)
                if not self._is_durable:
                    await self._persist()
                if self._is_durable:
                    log.warning("settings are durable again")
                    break


def _message(event: Inbox, verdict: policy.Verdict, *, durable: bool) -> str:
    if not verdict.is_taken:
        return "nothing was changed: " + "; ".join(problem.problem for problem in verdict.problems)
    if event.operation == "get_effective":
        return f"{len(verdict.after.overrides)} of {len(verdict.after.effective)} settings are overridden"
    count = len(verdict.changed)
    words = f"{count} setting{'' if count == 1 else 's'} {'would change' if event.dry_run else 'changed'}"
    if event.dry_run or durable:
        return words
    return f"{words}, in effect but not durable: the disk did not take it; it is tried again, and lost if the power fails before"
