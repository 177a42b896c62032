"""Fetches one part of a file over one connection: bounded memory, no byte from another representation than the others."""

from __future__ import annotations

import contextlib
import http.client
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from actors.model_downloader.staging.byte_ranges import total_bytes
from actors.model_downloader.staging.piece_check import proven_ranges
from actors.model_downloader.staging.staging_journal import StagingJournal
from actors.model_downloader.transfer.cancel_token import CancelToken
from actors.model_downloader.transfer.file_source import FileSource
from actors.model_downloader.transfer.http_client import (
    FetchFailed,
    HttpClient,
    HttpResponse,
    StallWatch,
    transfer_failed,
)
from actors.model_downloader.transfer.http_resume import (
    AskAgain,
    Fail,
    RangeRequest,
    ResumeState,
    ResumeStep,
    StartOver,
    next_step,
    part_ask,
    strong_validator,
)
from actors.model_downloader.transfer.part_scheduler import Part
from actors.model_downloader.transfer.part_writer import PartWriter
from actors.model_downloader.transfer.transfer_limits import TransferLimits
from bus.errors import UndercroftError
from schemas.manifest import FilePromise

READ_BYTES = 256 * 1024


class NoRanges(UndercroftError):
    """The server does not give out parts of this file, or not of the representation that is being fetched."""


class PartsChanged(UndercroftError):
    """What is missing of the file is something else now: take another part."""


@dataclass
class FileDownload:
    """Where a file comes from in this attempt.

    Attributes:
        name: of the file, for sentences.
        url: as the manifest has it.
        resolved: where a redirect of it led to; asked directly until it is refused, as signed addresses are
            when they expire.
        shares: whether several connections may be tried.
        has_changed: another representation than before was met in this attempt, and proven pieces were kept.
    """

    promise: FilePromise
    name: str
    url: str
    resolved: str = ""
    shares: bool = True
    has_changed: bool = False


class PartFetcher:
    """Fetches parts; one for all connections of an attempt."""

    def __init__(
        self, client: HttpClient, traffic: TransferLimits, writing: PartWriter, book: StagingJournal
    ) -> None:
        self._client = client
        self._traffic = traffic
        self._writing = writing
        self._book = book

    def fetch(self, source: FileDownload, part: Part, abort: CancelToken) -> None:
        """Fetch a part. Whoever is alone with its file settles what the file is; the others only join in.

        Raises:
            FetchFailed: no more bytes come; what was written stays.
            NoRanges: one who joined in is not served.
            PartsChanged: another part has to be taken.
            Aborted: `abort` was set.
            DiskFailed: the bytes could not be kept.
        """
        if urlsplit(source.url).scheme == "file":
            self._copy(source, part, abort)
            return
        with self._writing.changed:
            joins = self._writing.ranges.is_shared(part.file)
            have = total_bytes(self._writing.ranges.written(part.file))
        state = self._book.state.file(source.promise.path)
        partial = ResumeState(
            source.name, source.promise.size_bytes, max(have, 1) if joins else have, state.validator
        )
        ask = (
            RangeRequest(part.position, state.validator, _stop(part, partial))
            if joins
            else part_ask(partial, part.position, part.end)
        )
        while True:
            resolved = source.resolved
            answer = self._client.get(source.url, ask.headers(), abort, source.name, resolved=resolved)
            try:
                step = next_step(partial, ask, answer.head)
                if isinstance(step, AskAgain):
                    if joins and not step.ask.is_range:
                        raise NoRanges(step.reason)
                    ask = step.ask
                    continue
                if isinstance(step, Fail):
                    if self._renew(source, resolved, answer):
                        continue
                    raise FetchFailed(
                        step.kind, step.problem, step.retry_after, answer.url, answer.challenges
                    )
                if joins and isinstance(step, StartOver):
                    raise NoRanges("the whole is sent instead of a part")
                if answer.head.redirected:
                    source.resolved = answer.url
                self._settle(source, part, partial, step, answer)
                self._receive(answer, source, part, abort)
                return
            finally:
                answer.close()

    def _renew(self, source: FileDownload, resolved: str, answer: HttpResponse) -> bool:
        """Whether to ask once more, since the address that was led to is not good any more; another connection may have a new one."""
        if not resolved or answer.head.status not in (401, 403, 404, 410):
            return False
        if source.resolved == resolved:
            source.resolved = ""
        return True

    def _settle(
        self, source: FileDownload, part: Part, partial: ResumeState, step: ResumeStep, answer: HttpResponse
    ) -> None:
        """See that what was fetched before and what comes now are of one representation, and journal which."""
        fields = answer.head.fields
        validator = strong_validator(fields) or (None if isinstance(step, StartOver) else partial.validator)
        notes: dict[str, Any] = {
            "url": source.url,
            "etag": fields.get("etag", ""),
            "last_modified": fields.get("last-modified", ""),
            "validator": validator,
        }
        writing = self._writing
        if isinstance(step, StartOver):
            if partial.have_bytes:
                keep = (
                    proven_ranges(writing.path(part.file), source.promise, writing.ranges.written(part.file))
                    if validator and not source.has_changed
                    else ()
                )
                writing.start_over(part, keep, **notes)
                if keep:
                    # Once: of a server whose replicas name their copies differently the whole is taken next.
                    source.has_changed = True
                    raise PartsChanged(
                        "the file at the server is another one, but some pieces are those that were promised"
                    )
            with writing.changed:
                writing.ranges.take_whole(part)
        writing.note_source(part.file, **notes)
        writing.begin(part)
        with writing.changed:
            if validator and source.shares and fields.get("accept-ranges", "").strip().lower() != "none":
                writing.ranges.share(part.file, proved=not isinstance(step, StartOver))
                writing.changed.notify_all()

    def _receive(self, answer: HttpResponse, source: FileDownload, part: Part, abort: CancelToken) -> None:
        """Write the body as it comes, up to the end of the part, which may come nearer meanwhile. What comes beyond it is cut off."""
        watch = StallWatch(self._client.stall_seconds)
        step = self._traffic.step_bytes(READ_BYTES)
        while part.left:
            asked_at = time.monotonic()
            try:
                piece = answer.read(step)
                watch.received(len(piece), time.monotonic() - asked_at)
            except (OSError, http.client.HTTPException) as error:
                abort.check()
                raise transfer_failed(error, source.name) from error
            abort.check()
            if not piece:
                raise FetchFailed(
                    "network", f"{source.name}: the transfer ended at byte {part.position} of {part.end}"
                )
            self._writing.write(part, memoryview(piece))
            self._traffic.spend(len(piece), abort)
        if part.end == part.asked_end:
            with contextlib.suppress(OSError, http.client.HTTPException):
                answer.read(
                    1
                )  # finds the end of the body, so that the connection is kept; what is sent beyond the promise is left

    def _copy(self, source: FileDownload, part: Part, abort: CancelToken) -> None:
        """Copy from this machine; a file that changed since is copied anew."""
        found = FileSource(urlsplit(source.url), source.promise.size_bytes, source.name)
        try:
            if self._book.state.file(
                source.promise.path
            ).validator != found.validator and self._writing.ranges.written(part.file):
                self._writing.start_over(part, validator=found.validator, url=source.url)
                with self._writing.changed:
                    self._writing.ranges.take_whole(part)
            self._writing.note_source(
                part.file, url=source.url, etag="", last_modified="", validator=found.validator
            )
            target = self._writing.begin(part)

            def wrote(count: int) -> None:
                self._writing.wrote(part, count)
                abort.check()
                self._traffic.spend(count, abort)

            found.copy(target, part.position, part.end, wrote)
        finally:
            found.close()


def _stop(part: Part, partial: ResumeState) -> int | None:
    return None if part.end >= partial.size_bytes else part.end
