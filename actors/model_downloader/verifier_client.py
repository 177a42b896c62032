"""Asks the model verifier whether files are what was promised."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import anyio

from actors.model_downloader.staging.revisions import RevisionRecord, promises_of
from actors.shared.places.rooted_place import RootedPlace
from bus.client import Peer
from bus.errors import Refused, RequestFailed
from bus.retry import WAITS_SECONDS, Sleep, request_until_answered
from schemas.manifest import ModelEntry
from schemas.models import FilesVerifiedEvent, FilesVerifyRequestEvent

VERIFY_BASE_SECONDS: Final = 30.0
VERIFY_BYTES_PER_SECOND: Final = 20_000_000
"""An answer may take as long as a slow disk needs to read the files."""

VERIFY_IDLE_SECONDS: Final = 12 * 3600.0
"""Reading only while nobody else reads may take a night."""


class VerifierClient:
    """The verifier, as the downloader sees it."""

    def __init__(self, peer: Peer, sleep: Sleep = anyio.sleep) -> None:
        self._peer = peer
        self._sleep = sleep

    async def verify(self, request: FilesVerifyRequestEvent) -> FilesVerifiedEvent:
        """Ask once.

        Raises:
            RequestFailed: there is no answer.
        """
        return await self._peer.request(request, timeout_seconds=timeout_seconds_of(request))

    async def verify_or_refuse(self, request: FilesVerifyRequestEvent) -> FilesVerifiedEvent:
        """Ask once, for a request that this downloader is serving.

        Raises:
            Refused: there is no answer.
        """
        try:
            return await self.verify(request)
        except RequestFailed as failed:
            raise Refused(
                f"{request.model_id}: the verifier cannot answer now ({failed.kind}); try again in a moment"
            ) from failed

    async def verify_until_answered(
        self, request: FilesVerifyRequestEvent, waits: Iterable[float] = WAITS_SECONDS
    ) -> FilesVerifiedEvent:
        """Ask again until there is an answer; a verifier that restarts only delays it.

        Raises:
            RequestFailed: the verifier refuses.
        """
        return await request_until_answered(
            self._peer,
            request,
            waits=waits,
            timeout_seconds=timeout_seconds_of(request),
            sleep=self._sleep,
        )


def timeout_seconds_of(request: FilesVerifyRequestEvent) -> float:
    """How long an answer may take."""
    if request.idle:
        return VERIFY_IDLE_SECONDS
    return VERIFY_BASE_SECONDS + sum(file.size_bytes for file in request.files) / VERIFY_BYTES_PER_SECOND


def question_about(
    entry: ModelEntry,
    directory: RootedPlace,
    record: RevisionRecord | None,
    *,
    trust_records: bool = False,
    idle: bool = False,
) -> FilesVerifyRequestEvent:
    """The request to compare an installed revision with its promises.

    Args:
        entry: the model.
        directory: where the revision lies.
        record: what it is; None: what the manifest wants.
        trust_records: files that did not change since they were verified need not be read.
        idle: read only while nobody else reads.
    """
    return FilesVerifyRequestEvent(
        model_id=entry.id,
        directory=str(directory),
        files=promises_of(record, entry) if record else [file for file in entry.files if file.unpack is None],
        trust_records=trust_records,
        idle=idle,
    )
