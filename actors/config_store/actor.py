"""The configuration store: a change is in effect, then published, then on disk, then answered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final, Literal, TypeVar, assert_never

import anyio

from actors.config_store.announcements import Announcements
from actors.config_store.config_replies import change_of, describe, response
from actors.config_store.files.admin_policy import AdminPolicy
from actors.config_store.files.config_content import (
    SIZE_LIMIT_BYTES,
    ConfigContent,
    is_too_large,
    may_be_too_large,
)
from actors.config_store.files.config_file import (
    ChangedOutside,
    ConfigFile,
    FileEdited,
    FileMissing,
    FileUnchanged,
    FileUnusable,
)
from actors.config_store.files.file_watcher import (
    LOOK_SECONDS,
    MISSING_SECONDS,
    FileWatcher,
    OutsideChange,
    PolicyEdited,
    PolicyUnusable,
)
from actors.config_store.files.write_behind import WriteBehind
from actors.config_store.setting_secrets import SettingSecrets, new_reference, references_in
from actors.config_store.settings import setting_changes
from actors.config_store.settings.configuration import load
from actors.config_store.settings.explanation import explain
from actors.config_store.settings.setting_changes import SettingsChange, SettingsVerdict
from actors.config_store.settings.setting_layers import is_reference
from actors.config_store.settings.settings_context import SettingsContext, is_set
from actors.config_store.store_alerts import StoreAlerts, log_ignored
from actors.shared.keychain.keychain import KeychainFailed
from bus.actor import Actor, BusContext, Later
from bus.client import asker
from bus.errors import Refused, UndercroftError
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

FILE_NAME: Final = "config.json"
SAVE_ATTEMPTS: Final = 3
LARGE_CHARACTERS: Final = 1000

Inbox = (
    RuntimeConfigRequestEvent
    | SettingsExplainRequestEvent
    | SettingsDescribeRequestEvent
    | SecretRevealRequestEvent
)
Reason = Literal["start", "update", "reset_section", "reset_defaults", "file", "policy"]
ResultT = TypeVar("ResultT")
log = logging.getLogger(__name__)


class ConfigStore(Actor[Inbox]):
    """Holds the one live configuration, and its overrides on disk.

    Attributes:
        now: the configuration that is in effect.
        problems: the values that could not be used at the start.
    """

    def __init__(
        self,
        context: BusContext,
        settings: SettingsContext,
        file: ConfigFile,
        secrets: SettingSecrets,
        policy_path: Path | None = None,
        look_seconds: float = LOOK_SECONDS,
        problems: tuple[SettingProblem, ...] = (),
    ) -> None:
        """Load the configuration.

        Args:
            context: the connection to the bus.
            settings: what requests do not change.
            file: the settings file, which has been read.
            secrets: the values of secrets.
            policy_path: the administrator's file; None: there is no such place.
            look_seconds: pause between two looks at the files.
            problems: what is known to be wrong so far. The path of a faulty policy is that of its file.
        """
        super().__init__(context)
        self._file = file
        self._secrets = secrets
        self._policy_path = policy_path
        self._look_seconds = look_seconds
        self._watcher = FileWatcher(
            file, policy_path, settings.schema, min(MISSING_SECONDS, 2 * look_seconds)
        )
        self._write_behind = WriteBehind()
        self._announcements = Announcements(context.peer.post)
        self._store_alerts = StoreAlerts(context.alerts)
        self._disk = asyncio.Lock()
        self._disk_thread = ThreadPoolExecutor(1, "config-writer")
        self.now, found = load(settings, file.known.overrides)
        self.problems = (*problems, *found)

    async def prepare(self) -> None:
        """Publish what was loaded, and report what could not be used."""
        await self._store_alerts.started(self._file, self.problems, str(self._policy_path))
        await self._publish("start", self.now.effective, [])
        self.tasks.start_soon(self._work_on_disk)

    async def close(self) -> None:
        """Write what is not yet on disk, and give the replies that wait for it."""
        self._announcements.flush()
        await self._write_behind.close()
        await self.answered()

    async def handle(
        self, event: Inbox
    ) -> Later | RuntimeConfigResponseEvent | SettingsExplainedEvent | SettingsDescribedEvent:
        """Answer one request."""
        match event:
            case RuntimeConfigRequestEvent():
                return await self._configure(event)
            case SettingsExplainRequestEvent():
                found = explain(self.now, event.path)
                if not found:
                    raise Refused(
                        f"there is no section or setting {event.path[:200]!r}; "
                        "'undercroft config list' shows all settings"
                    )
                return SettingsExplainedEvent(settings=found)
            case SettingsDescribeRequestEvent():
                return describe(self.now.context)
            case SecretRevealRequestEvent():
                self._secrets.readers.check(asker.get())
                return Later(partial(self._reveal, event.path, asker.get()))
            case _:
                assert_never(event)

    # -- requests

    async def _configure(self, event: RuntimeConfigRequestEvent) -> RuntimeConfigResponseEvent | Later:
        wanted = change_of(event)
        verdict = self._judge(event, wanted)
        if wanted is None or event.dry_run or not verdict.is_taken:
            self._announcements.flush()
            return response(event, verdict, durable=self._write_behind.is_settled)
        if wanted.scope == "user":
            secrets = setting_changes.secrets_in(self.now, wanted.updates)
            if secrets:
                return self.answer_later(partial(self._configure_secrets, event, wanted, secrets))
        number = await self._take(event, verdict)
        if number is None:
            self._announcements.flush()
            return response(event, verdict, durable=self._write_behind.is_settled)
        return self.answer_later(partial(self._when_durable, event, verdict, number))

    def _judge(
        self,
        event: RuntimeConfigRequestEvent,
        wanted: SettingsChange | None,
        references: Mapping[str, Mapping[str, str]] = setting_changes.NOTHING,
    ) -> SettingsVerdict:
        """Decide what becomes of a request, on a copy of the configuration."""
        now = self.now
        if wanted is None:
            return SettingsVerdict(now, now)
        if event.expected_fingerprint and event.expected_fingerprint != now.fingerprint:
            return setting_changes.refused(
                now, "the settings were changed by somebody else meanwhile; look at them again"
            )
        if wanted.scope == "user" and self._file.read_only and not event.dry_run:
            return setting_changes.refused(now, self._file.read_only)
        verdict = setting_changes.change(now, wanted, references)
        is_applied = verdict.is_taken and not event.dry_run
        if is_applied and may_be_too_large(wanted.updates) and is_too_large(verdict.after.stored):
            words = f"the file would be larger than {SIZE_LIMIT_BYTES} bytes, its limit"
            return setting_changes.refused(now, words)
        return verdict

    async def _take(self, event: RuntimeConfigRequestEvent, verdict: SettingsVerdict) -> int | None:
        """Put a change into effect and publish it.

        Returns:
            The number of the change that has to become durable; None if everything is on disk.
        """
        before, self.now = self.now, verdict.after
        number = None if self._write_behind.is_settled else self._write_behind.latest
        if (
            dict(before.overrides) != dict(self.now.overrides)
            or dict(before.set_aside) != dict(self.now.set_aside)
            or not self._write_behind.is_durable
        ):
            number = self._write_behind.change(event.updates)
        if verdict.changed and event.operation != "get_effective":
            await self._publish(event.operation, verdict.changed, verdict.restart)
        return number

    async def _publish(self, reason: Reason, changed: Mapping[str, object], restart: list[str]) -> None:
        """Publish what is in effect now; changes by requests are merged if they happen in one turn."""
        event = SettingsChangedEvent(
            changed=dict(changed),
            settings=self.now.settings,
            revision=self.now.revision,
            reason=reason,
            restart=restart,
        )
        if self.peer.has_room and reason not in ("start", "file", "policy"):
            self._announcements.add(event)
            return
        self._announcements.flush()
        await self.peer.publish(event)

    async def _when_durable(
        self, event: RuntimeConfigRequestEvent, verdict: SettingsVerdict, number: int
    ) -> RuntimeConfigResponseEvent:
        is_durable = await self._write_behind.outcome(number)
        former = references_in(
            {path: verdict.before.overrides.get(path) for path in verdict.before.context.secrets}
        )
        if is_durable and former:
            still = references_in(self.now.overrides)
            gone = [reference for id, reference in former.items() if id not in still]
            if gone:
                self.tasks.start_soon(self._secrets.remove, gone)
        return response(event, verdict, durable=is_durable)

    # -- secrets

    async def _configure_secrets(
        self, event: RuntimeConfigRequestEvent, wanted: SettingsChange, secrets: Mapping[str, str]
    ) -> RuntimeConfigResponseEvent:
        """Store the values in the keychain first; then judge the change against the settings of that time."""
        references = {path: new_reference() for path in secrets}
        try:
            await self._secrets.store({path: (references[path], value) for path, value in secrets.items()})
        except KeychainFailed as error:
            problems = tuple(
                SettingProblem(path=path, problem=f"the secret was not stored: {error}") for path in secrets
            )
            verdict = SettingsVerdict(self.now, self.now, problems=problems)
            return response(event, verdict, durable=self._write_behind.is_settled)
        verdict = self._judge(event, wanted, references)
        if not verdict.is_taken:
            await self._secrets.remove(references.values())
            return response(event, verdict, durable=self._write_behind.is_settled)
        number = await self._take(event, verdict)
        if number is None:
            return response(event, verdict, durable=self._write_behind.is_settled)
        return await self._when_durable(event, verdict, number)

    async def _reveal(self, path: str, who: str) -> SecretRevealedEvent:
        if not self.now.context.is_secret(path):
            raise Refused(
                f"{path[:200]!r} is not declared a secret; 'undercroft config get' shows other settings"
            )
        value = self.now.merged.get(path, "")
        if not is_set(value):
            raise Refused(f"{path} is not set; 'undercroft config secret {path}' sets it")
        log.info("the secret %s was revealed to %s", path, who)
        if not is_reference(value):
            return SecretRevealedEvent(value=value)
        try:
            return SecretRevealedEvent(value=await self._secrets.reveal(value))
        except KeychainFailed as error:
            raise Refused(f"{path}: {error}") from error

    # -- disk

    async def _work_on_disk(self) -> None:
        """Write and watch until cancelled; the thread is let go once neither can use it any more."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._keep_writing)
                tasks.start_soon(self._keep_watching)
        finally:
            self._disk_thread.shutdown(wait=False)

    async def _keep_writing(self) -> None:
        """Write whenever that is due, until cancelled."""
        while True:
            number = await self._write_behind.due()
            was_durable = self._write_behind.is_durable
            try:
                await self._save()
            except (UndercroftError, OSError) as error:
                await self._store_alerts.not_durable(error, _now())
                self._write_behind.failed(number)
            else:
                if not was_durable:
                    await self._store_alerts.durable()
                self._write_behind.written(number)

    async def _save(self) -> None:
        """Write what is in effect; take what other programs wrote meanwhile first."""
        async with self._disk:
            for attempt in range(1, SAVE_ATTEMPTS + 1):
                try:
                    await self._in_disk_thread(partial(self._file.save, self.now.stored))
                    break
                except ChangedOutside:
                    if attempt == SAVE_ATTEMPTS:
                        raise
                    await self._act_on(
                        await self._in_disk_thread(partial(self._watcher.look_at_file, _now()))
                    )
        await self._store_alerts.file_valid()

    async def _keep_watching(self) -> None:
        """Act on what people do to the files, until cancelled."""
        while True:
            await asyncio.sleep(self._look_seconds)
            async with self._disk:
                await self._act_on(await self._in_disk_thread(partial(self._watcher.look, _now())))

    async def _act_on(self, seen: list[OutsideChange]) -> None:
        for change in seen:
            match change:
                case FileEdited():
                    await self._take_edit(change.content)
                case FileUnusable():
                    self._file.refuse()
                    await self._store_alerts.file_invalid(change.fault)
                case FileUnchanged():
                    await self._store_alerts.file_valid()
                case FileMissing():
                    log.warning(
                        "%s was deleted; the settings stay in effect and are written again; "
                        "'undercroft config reset --all' restores the defaults",
                        self._file.path,
                    )
                    self._write_behind.change(())
                case PolicyEdited():
                    await self._take_policy(change.policy)
                case PolicyUnusable():
                    await self._store_alerts.policy_invalid(change.fault)
                case _:
                    assert_never(change)

    async def _take_edit(self, content: ConfigContent) -> None:
        """Put an edit of the file into effect if it is valid."""
        path = self._file.path
        verdict = setting_changes.take_edit(self.now, self._file.known.overrides, content.overrides)
        if not verdict.is_taken:
            self._file.refuse()
            words = "; ".join(f"{problem.path}: {problem.problem}" for problem in verdict.problems)
            await self._store_alerts.file_invalid(f"{path}: {words}")
            return
        self._file.accept(content)
        await self._store_alerts.may_write(self._file.read_only)
        log.info("%s was edited: %d settings changed", path, len(verdict.changed))
        self.now = verdict.after
        if verdict.after.stored != dict(content.overrides):
            self._write_behind.change(())
        if verdict.changed:
            await self._publish("file", verdict.changed, verdict.restart)
        await self._store_alerts.file_valid()

    async def _take_policy(self, policy: AdminPolicy) -> None:
        await self._store_alerts.policy_valid()
        verdict, problems = setting_changes.replace_context(
            self.now, replace(self.now.context, policy=policy)
        )
        log_ignored(problems)
        self.now = verdict.after
        if verdict.changed:
            await self._publish("policy", verdict.changed, verdict.restart)

    async def _in_disk_thread(self, call: Callable[[], ResultT]) -> ResultT:
        return await asyncio.get_running_loop().run_in_executor(self._disk_thread, call)


def _now() -> float:
    return asyncio.get_running_loop().time()
