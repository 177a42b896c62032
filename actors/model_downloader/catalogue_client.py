"""Asks the model sources whether the catalogue that the downloader knows is the one behind their answers.

An answer to `models.add` and the event with the new catalogue travel apart: a request that follows the answer
can come before the event. What begins an install, or names a model that is not known, asks first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import anyio

from actors.model_downloader.registry.model_registry import ModelRegistry
from bus.client import Peer
from bus.errors import FailureKind, Refused, RequestFailed
from bus.retry import Sleep, request_until_answered
from schemas.manifest import ModelEntry
from schemas.sources import ModelCatalogueRequestEvent, ModelCatalogueStatedEvent

ANSWER_SECONDS: Final = 2.0
"""Less than those wait who ask the downloader: sources that hang delay an answer, and prevent none."""
BACK_SOON: Final[frozenset[FailureKind]] = frozenset({"restarting", "died"})
"""The model sources are about to serve again, with everything that they answered."""


class CatalogueClient:
    """Has the registry know at least what the model sources have answered so far."""

    def __init__(
        self,
        peer: Peer,
        registry: ModelRegistry,
        learn: Callable[[ModelCatalogueStatedEvent], None],
        sleep: Sleep = anyio.sleep,
    ) -> None:
        """Ask nothing yet.

        Args:
            peer: reaches the model sources.
            registry: knows a state of the catalogue.
            learn: takes a newer state.
            sleep: waits for model sources that are starting again.
        """
        self._peer = peer
        self._registry = registry
        self._learn = learn
        self._sleep = sleep

    async def entry(self, model_id: str) -> ModelEntry:
        """The model with this id; one that is not known may have been added a moment ago.

        Raises:
            Refused: there is none, or nobody can tell.
        """
        if model_id in self._registry.entries:
            return self._registry.entry(model_id)
        return await self.entry_now(model_id)

    async def entry_now(self, model_id: str) -> ModelEntry:
        """The model with this id, as it was answered last: its files and its licence may be new.

        Raises:
            Refused: there is none, or nobody can tell.
        """
        problem = await self.catch_up()
        try:
            return self._registry.entry(model_id)
        except Refused as refused:
            if problem:
                raise Refused(f"{refused}; {problem}") from refused
            raise

    async def catch_up(self) -> str:
        """Learn the catalogue if it changed; returns why that was not possible, or nothing.

        An app without model sources has the manifest that it came with.
        """
        life, revision = self._registry.known_catalogue
        request = ModelCatalogueRequestEvent(life=life, revision=revision)
        try:
            state = await request_until_answered(
                self._peer,
                request,
                retry_on=BACK_SOON,
                timeout_seconds=ANSWER_SECONDS,
                within_seconds=ANSWER_SECONDS,
                sleep=self._sleep,
            )
        except RequestFailed as failed:
            if failed.kind == "no_responder":
                return ""
            return f"the model sources did not answer ({failed.kind}), so try again in a moment"
        if not state.is_known:
            self._learn(state)
        return ""
