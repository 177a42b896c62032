"""The configuration store as a process: memory first, then the event, then the disk, then the answer."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, assert_never

from actors.config_store import setting_changes, setting_variables
from actors.config_store.announcements import Announcements
from actors.config_store.config_replies import describe, response
from actors.config_store.explanation import explain
from actors.config_store.files import config_document, packaged_settings
from actors.config_store.files.config_file import ChangedOutside, SettingsFile
from actors.config_store.files.file_watcher import LOOK_SECONDS, Outsiders
from actors.config_store.files.setting_migrations import load_migrations
from actors.config_store.files.write_behind import Commits
from actors.config_store.schema.settings_schema import load_schema
from actors.config_store.setting_layers import Ground, Managed, is_reference
from actors.config_store.setting_secrets import SecretKeeper, new_reference, references_in
from actors.shared.keys.keychain import KeychainFailed
from bus.actor import Actor, Later
from bus.errors import Refused
from schemas.config import (
    RuntimeConfigRequestEvent,
    RuntimeConfigResponseEvent,
    SecretRevealedEvent,
    SecretRevealRequestEvent,
    SettingProblem,
    SettingsChangedEvent,
    SettingsDescribedEvent,
    SettingsDescribeRequestEvent,
    SettingsExplainedEvent,
    SettingsExplainRequestEvent,
)

if TYPE_CHECKING:
    from actors.shared.context import ActorContext

FILE_NAME: Final = "config.json"
SAVE_ATTEMPTS: Final = 3
LARGE_CHARACTERS: Final = 1000
UNASKED: Final = ("start", "file", "policy")
ALERT_SECONDS: Final = 0.9
"""A disk that fails is told of no more often than this; less than the shortest delay before a retry."""

Inbox = (
    RuntimeConfigRequestEvent
    | SettingsExplainRequestEvent
    | SettingsDescribeRequestEvent
    | SecretRevealRequestEvent
)
log = logging.getLogger(__name__)


class ConfigStore(Actor[Inbox]):
    """Holds the one live configuration, and its overrides on disk."""

    def __init__(
        self,
        ground: Ground,
        file: SettingsFile,
        secrets: Callable[[], SecretKeeper],
        policy_path: Path | None = None,
        look_seconds: float = LOOK_SECONDS,
        problems: tuple[SettingProblem, ...] = (),
    ) -> None:
        """Args: problems: what was found to be wrong so far; a faulty policy file is told by the path of the file."""
        self._file = file
        self._secrets = secrets
        self._disk = asyncio.Lock()
        self._writer = ThreadPoolExecutor(1, "config-writer")
        self.commits = Commits(self._write, self._not_durable, self._durable_again)
        self.now, found = setting_changes.load(ground, file.known.overrides)
        self.problems = (*problems, *found)
        self._announcements = Announcements(lambda event: self.peer.post(event))
        self._outsiders = Outsiders(self, file, policy_path, look_seconds)
        self._told_at = float("-inf")
        self._answers = 0
        self._is_answered = asyncio.Event()

    @classmethod
    def of(cls, surroundings: ActorContext) -> Self:
        """Build it for a profile.

        Raises:
            ProfileError: the profile declares no settings, or they cannot be imported.
            SettingsSchemaWrong, PackagedFileWrong, MigrationFailed: what it declares cannot be used.
            ConfigUnreadable: `config.json` is there but cannot be read.
        """
        profile, config = surroundings.profile, surroundings.locations.config
        schema = load_schema(profile)
        variables, problems = setting_variables.read(schema, os.environ)
        policy_path = packaged_settings.policy_path(profile.policy, profile.name, config)
        try:
            managed = packaged_settings.read_policy(policy_path, schema)
        except packaged_settings.PackagedFileWrong as error:
            managed = Managed(str(policy_path))
            problems.append(SettingProblem(path=str(policy_path), problem=str(error)))
        ground = Ground(
            schema=schema,
            allowlist=profile.allowlist,
            presets=packaged_settings.read_presets(profile.directory, schema, profile.preset_setting),
            preset_setting=profile.preset_setting,
            environment=variables,
            managed=managed,
            file=str(config / FILE_NAME),
        )
        file = SettingsFile(config / FILE_NAME, profile.settings_version, load_migrations(profile))
        return cls(
            ground, file, partial(SecretKeeper.for_app, profile.name), policy_path, problems=tuple(problems)
        )

    async def prepare(self) -> None:
        """Say what was loaded, and what of it could not be taken."""
        await self._outsiders.tell_start()
        await self.announce("start", self.now.effective, [])
        self.tasks.start_soon(self.commits.run)
        self.tasks.start_soon(self._outsiders.watch)

    async def close(self) -> None:
        """Bring to disk what is not yet there, and give the answers that wait for it."""
        self._announcements.flush()
        await self.commits.close()
        while self._answers:
            await self._is_answered.wait()
        self._writer.shutdown(wait=False)

    async def handle(
        self, event: Inbox
    ) -> Later | RuntimeConfigResponseEvent | SettingsExplainedEvent | SettingsDescribedEvent:
        """Judge a request on a copy; if it is taken whole, it is in effect, announced and on disk before it is answered."""
        match event:
            case RuntimeConfigRequestEvent():
                return await self._configure(event)
            case SettingsExplainRequestEvent():
                found = explain(self.now, event.path)
                if not found:
                    raise Refused(
                        f"there is no section or setting {event.path[:200]!r}; 'undercroft config list' shows all of them"
                    )
                return SettingsExplainedEvent(settings=found)
            case SettingsDescribeRequestEvent():
                return describe(self.now.ground)
            case SecretRevealRequestEvent():
                return Later(partial(self._reveal, event.path))
            case _:
                assert_never(event)

    # -- requests
    # ----------------------------------------------------------------------------------------------------

    async def _configure(self, event: RuntimeConfigRequestEvent) -> RuntimeConfigResponseEvent | Later:
        verdict = self._judge(event, {})
        if event.operation == "get_effective" or event.dry_run or not verdict.is_taken:
            self._announcements.flush()
            return response(event, verdict, durable=self.commits.is_settled)
        if event.operation == "update" and event.scope == "user":
            secrets = setting_changes.secrets_in(self.now, event.updates)
            if secrets:
                return self._later(partial(self._configure_secrets, event, secrets))
        return await self._take(event, verdict)

    def _judge(
        self, event: RuntimeConfigRequestEvent, references: Mapping[str, Any]
    ) -> setting_changes.Verdict:
        now = self.now
        if event.operation != "get_effective":
            refusal = self._refusal(event)
            if refusal:
                return setting_changes.Verdict(now, problems=(SettingProblem(path="", problem=refusal),))
        match event.operation:
            case "get_effective":
                return setting_changes.Verdict(now)
            case "update":
                return setting_changes.update(
                    now, event.updates, resets=event.resets, scope=event.scope, references=references
                )
            case "reset_section":
                return setting_changes.reset_section(now, event.section, event.scope)
            case "reset_defaults":
                return setting_changes.reset_defaults(now, event.scope)
            case _:
                assert_never(event.operation)

    def _refusal(self, event: RuntimeConfigRequestEvent) -> str:
        """Why the request is refused whatever it asks for; empty if it is not."""
        if event.expected_fingerprint and event.expected_fingerprint != self.now.fingerprint:
            return "the settings were changed by somebody else meanwhile; look at them again"
        if event.scope == "user" and self._file.read_only and not event.dry_run:
            return self._file.read_only
        return ""

    async def _take(
        self, event: RuntimeConfigRequestEvent, verdict: setting_changes.Verdict
    ) -> RuntimeConfigResponseEvent | Later:
        """Let it be in effect, tell everybody, and answer once it is on disk."""
        if not _fits(event, verdict.after):
            words = f"the file would have more than {config_document.SIZE_LIMIT_BYTES} bytes, and could not be read again"
            refused = setting_changes.Verdict(self.now, problems=(SettingProblem(path="", problem=words),))
            return response(event, refused, durable=self.commits.is_settled)
        before = self.now
        number = self._apply(verdict, event.updates)
        if verdict.changed:
            await self.announce(event.operation, verdict.changed, verdict.restart)
        if number is None:
            self._announcements.flush()
            return response(event, verdict, durable=self.commits.is_settled)
        return self._later(partial(self._when_durable, event, verdict, number, before))

    def _apply(self, verdict: setting_changes.Verdict, paths: Mapping[str, Any]) -> int | None:
        """Let it be in effect; returns the number of the change that is to become durable, None if all is on disk."""
        before, self.now = self.now, verdict.after
        if (
            dict(before.overrides) != dict(self.now.overrides)
            or dict(before.set_aside) != dict(self.now.set_aside)
            or not self.commits.is_durable
        ):
            return self.commits.change(paths)
        return None if self.commits.is_settled else self.commits.latest

    async def announce(self, reason: Any, changed: Mapping[str, Any], restart: list[str]) -> None:
        """Tell everybody what is in effect now."""
        now = self.now
        event = SettingsChangedEvent(
            changed=dict(changed),
            settings=now.settings,
            revision=now.revision,
            reason=reason,
            restart=restart,
        )
        if self.peer.has_room and reason not in UNASKED:
            self._announcements.tell(event)
            return
        self._announcements.flush()
        await self.peer.publish(event)

    async def _when_durable(
        self,
        event: RuntimeConfigRequestEvent,
        verdict: setting_changes.Verdict,
        number: int,
        before: setting_changes.Configuration,
    ) -> RuntimeConfigResponseEvent:
        is_durable = await self.commits.outcome(number)
        former = references_in({path: before.overrides.get(path) for path in before.ground.secrets})
        if is_durable and former:
            still = references_in(self.now.overrides)
            gone = [reference for id, reference in former.items() if id not in still]
            if gone:
                self.tasks.start_soon(self._secrets().forget, gone)
        return response(event, verdict, durable=is_durable)

    # -- secrets
    # -----------------------------------------------------------------------------------------------------

    async def _configure_secrets(
        self, event: RuntimeConfigRequestEvent, secrets: Mapping[str, str]
    ) -> RuntimeConfigResponseEvent:
        """Bring the values to the keychain first; only then is the request taken, on what is in effect by then."""
        references = {path: new_reference() for path in secrets}
        keeper = self._secrets()
        try:
            await keeper.keep({path: (references[path], value) for path, value in secrets.items()})
        except KeychainFailed as error:
            problems = tuple(
                SettingProblem(path=path, problem=f"the secret is not kept: {error}") for path in secrets
            )
            return response(
                event, setting_changes.Verdict(self.now, problems=problems), durable=self.commits.is_settled
            )
        verdict = self._judge(event, references)
        if not verdict.is_taken:
            await keeper.forget(references.values())
            return response(event, verdict, durable=self.commits.is_settled)
        taken = await self._take(event, verdict)
        if isinstance(taken, Later):
            found = await taken.work()
            assert isinstance(found, RuntimeConfigResponseEvent), "that is what a change is answered with"
            return found
        return taken

    async def _reveal(self, path: str) -> SecretRevealedEvent:
        if not self.now.ground.is_secret(path):
            raise Refused(
                f"{path[:200]!r} is not declared a secret; 'undercroft config get' shows what is none"
            )
        value = self.now.merged.get(path)
        if value in ("", None):
            raise Refused(f"{path} is not set; 'undercroft config secret {path}' sets it")
        log.info("the secret %s was revealed to a peer", path)
        if not is_reference(value):
            return SecretRevealedEvent(value=value)
        try:
            return SecretRevealedEvent(value=await self._secrets().reveal(value))
        except KeychainFailed as error:
            raise Refused(f"{path}: {error}") from error

    def _later(self, work: Callable[[], Awaitable[RuntimeConfigResponseEvent]]) -> Later:
        """An answer that `close` waits for."""

        async def counted() -> RuntimeConfigResponseEvent:
            try:
                return await work()
            finally:
                self._answers -= 1
                if not self._answers:
                    done, self._is_answered = self._is_answered, asyncio.Event()
                    done.set()

        self._answers += 1
        return Later(counted)

    # -- disk
    # --------------------------------------------------------------------------------------------------------

    async def _write(self) -> None:
        """Bring what is in effect to disk; what somebody else wrote meanwhile is taken up first."""
        async with self._disk:
            for attempt in range(1, SAVE_ATTEMPTS + 1):
                try:
                    await asyncio.get_running_loop().run_in_executor(
                        self._writer, self._file.save, self.now.stored
                    )
                    break
                except ChangedOutside:
                    if attempt == SAVE_ATTEMPTS:
                        raise
                    await self._outsiders.take_file()
        await self._outsiders.saved()

    async def look(self) -> None:
        """Take up what somebody else did to the file."""
        async with self._disk:
            await self._outsiders.take_file()

    async def _not_durable(self, error: Exception) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._told_at < ALERT_SECONDS:
            return
        self._told_at = now
        log.error("settings are in effect but not durable: %s", error)
        advice = "free some space or make the directory writable; it is tried again by itself"
        message = f"settings are in effect but not durable: {error}"
        await self.alerts.raise_alert("config.not_durable", severity="error", message=message, advice=advice)

    async def _durable_again(self) -> None:
        log.warning("settings are durable again")
        await self.alerts.clear("config.not_durable")


def _fits(event: RuntimeConfigRequestEvent, after: setting_changes.Configuration) -> bool:
    """Whether the file can be read again; only large values are worth the look."""
    if not any(
        isinstance(value, str | list | dict) and len(str(value)) > LARGE_CHARACTERS
        for value in event.updates.values()
    ):
        return True
    return (
        len(config_document.render(after.stored, {})) <= config_document.SIZE_LIMIT_BYTES - LARGE_CHARACTERS
    )
