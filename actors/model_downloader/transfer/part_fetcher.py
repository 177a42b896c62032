"""Fetches one part of a file over one connection; never mixes two representations of the file."""

from __future__ import annotations

import contextlib
import http.client
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult

from actors.model_downloader.staging.byte_ranges import NO_BYTES, ByteRanges, total_bytes
from actors.model_downloader.staging.piece_check import proven_ranges
from actors.model_downloader.staging.staging_journal import StagingJournal
from actors.model_downloader.transfer.cancel_token import CancelToken
from actors.model_downloader.transfer.file_source import FileSource
from actors.model_downloader.transfer.http.fetch_failure import FetchFailed, transfer_failed
from actors.model_downloader.transfer.http.http_client import HEAD_SECONDS, HttpClient, HttpResponse
from actors.model_downloader.transfer.http.http_resume import (
    AskAgain,
    Fail,
    RangeRequest,
    ResumeState,
    ResumeStep,
    StartOver,
    next_step,
    part_request,
    strong_validator,
)
from actors.model_downloader.transfer.http.stall_watch import StallWatch
from actors.model_downloader.transfer.part_scheduler import Part, PartScheduler
from actors.model_downloader.transfer.part_writer import PartWriter
from actors.model_downloader.transfer.transfer_limits import TransferLimits
from actors.shared.http.answers.field_values import read_date, read_etag
from actors.shared.http.urls import url_parts
from bus.errors import UndercroftError
from schemas.manifest import FilePromise

READ_BYTES = 256 * 1024
_EXPIRED = frozenset({401, 403, 404, 410})
"""How servers refuse a signed address that has expired."""


class NoRanges(UndercroftError):
    """The server does not send parts of this file, or not of the representation that is being fetched."""

    reason: str
    words = "{reason}"


class PartsChanged(UndercroftError):
    """Other bytes of the file are missing now, so that another part has to be taken."""

    words = "the file at the server is another one, but some of its pieces are there"


@dataclass
class FileDownload:
    """One file in this attempt, and what is known of its source.

    Attributes:
        name: of the file, for sentences.
        url: as the manifest has it.
        resolved: where a redirect of the URL led to; asked directly until it is refused, as signed addresses
            are when they expire.
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
    """Fetches parts; shared by all connections of an attempt.

    The connection that is alone with a file finds out what the file is. The others join it.
    """

    def __init__(
        self,
        client: HttpClient,
        limits: TransferLimits,
        scheduler: PartScheduler,
        writer: PartWriter,
        journal: StagingJournal,
    ) -> None:
        self._client = client
        self._limits = limits
        self._scheduler = scheduler
        self._writer = writer
        self._journal = journal

    def fetch(self, download: FileDownload, part: Part, token: CancelToken) -> None:
        """Fetch a part of a file.

        Raises:
            FetchFailed: no more bytes come; what was written stays.
            NoRanges: the server does not serve a connection that joined others.
            PartsChanged: another part has to be taken.
            FetchCancelled: the token was cancelled.
            DiskFailed: the disk refused.
        """
        parts = url_parts(download.url)
        if parts is not None and parts.scheme == "file":
            self._copy(download, parts, part, token)
            return
        joins = self._scheduler.is_shared(part.file)
        have_bytes = total_bytes(self._scheduler.written(part.file))
        validator = self._journal.state.file(download.promise.path).validator
        size_bytes = download.promise.size_bytes
        if joins:
            state = ResumeState(download.name, size_bytes, max(have_bytes, 1), validator)
            request = RangeRequest(part.position, validator, None if part.end >= size_bytes else part.end)
        else:
            state = ResumeState(download.name, size_bytes, have_bytes, validator)
            request = part_request(state, part.position, part.end)
        response, step = self._ask(download, state, request, token, joins=joins)
        try:
            self._settle(download, part, state, step, response)
            self._receive(response, download, part, token)
        finally:
            response.close()

    def _ask(
        self,
        download: FileDownload,
        state: ResumeState,
        request: RangeRequest,
        token: CancelToken,
        *,
        joins: bool,
    ) -> tuple[HttpResponse, ResumeStep]:
        """Ask until the server sends bytes that can be used; returns the open response and what it means."""
        while True:
            resolved = download.resolved
            response = self._client.get(
                download.url, request.headers(), token, download.name, resolved=resolved
            )
            with contextlib.ExitStack() as unused:
                unused.callback(response.close)
                step = next_step(state, request, response.head)
                if isinstance(step, Fail):
                    if self._renew(download, resolved, response):
                        continue
                    raise FetchFailed(
                        step.kind, step.problem, step.retry_after, response.url, response.challenges
                    )
                if isinstance(step, AskAgain):
                    if joins and not step.request.is_range:
                        raise NoRanges(step.reason)
                    request = step.request
                    continue
                if joins and isinstance(step, StartOver):
                    raise NoRanges("the whole is sent instead of a part")
                if response.head.redirected:
                    download.resolved = response.url
                unused.pop_all()
                return response, step

    def _renew(self, download: FileDownload, resolved: str, response: HttpResponse) -> bool:
        """Whether to ask once more because a signed address has expired.

        Another connection may have found a new one meanwhile.
        """
        if not resolved or response.head.status not in _EXPIRED:
            return False
        if download.resolved == resolved:
            download.resolved = ""
        return True

    def _settle(
        self,
        download: FileDownload,
        part: Part,
        state: ResumeState,
        step: ResumeStep,
        response: HttpResponse,
    ) -> None:
        """Make sure that what is there and what comes are of one representation, and journal which one.

        Raises:
            PartsChanged: the representation is another one, and proven pieces of the file are kept.
        """
        fields, writer = response.head.fields, self._writer
        modified = fields.get("last-modified", "")
        starts_over = isinstance(step, StartOver)
        validator = strong_validator(fields) or (None if starts_over else state.validator)
        source: dict[str, Any] = {
            "url": download.url,
            "etag": read_etag(fields.get("etag", "")),
            "last_modified": modified if read_date(modified) is not None else "",
            "validator": validator,
        }
        if starts_over:
            if state.have_bytes:
                keep = self._proven_pieces(download, part, validator)
                writer.start_over(part, keep, **source)
                if keep:
                    raise PartsChanged
            self._scheduler.take_whole(part)
        writer.note_source(part.file, **source)
        writer.begin(part)
        accepts = fields.get("accept-ranges", "").strip().lower() != "none"
        if validator and download.shares and accepts:
            self._scheduler.share(part.file, proved=not starts_over)

    def _proven_pieces(self, download: FileDownload, part: Part, validator: str | None) -> ByteRanges:
        """The proven pieces of a file that the server has changed.

        Only once in an attempt: replicas that name the same file differently would else be asked by turns,
        without a byte coming. After that the whole is taken from one of them.
        """
        if validator is None or download.has_changed:
            return NO_BYTES
        written = self._scheduler.written(part.file)
        keep = proven_ranges(self._writer.path(part.file), download.promise, written)
        download.has_changed = bool(keep)
        return keep

    def _receive(
        self, response: HttpResponse, download: FileDownload, part: Part, token: CancelToken
    ) -> None:
        """Write the body as it comes, up to the end of the part, which may come nearer meanwhile."""
        watch = StallWatch(self._client.stall_seconds)
        step_bytes = self._limits.step_bytes(READ_BYTES)
        while part.left_bytes:
            asked_at = time.monotonic()
            try:
                content = response.read(step_bytes)
                watch.received(len(content), time.monotonic() - asked_at)
            except (OSError, http.client.HTTPException) as error:
                token.check()
                raise transfer_failed(error, download.name) from error
            token.check()
            if not content:
                where = f"at byte {part.position} of {part.end}"
                raise FetchFailed("network", f"{download.name}: the transfer ended {where}")
            self._writer.write(part, memoryview(content))
            self._limits.spend(len(content), token)
        if part.end == part.asked_end:
            # Finds the end of the body, so that the connection is kept. More than was promised is not read.
            with contextlib.suppress(OSError, http.client.HTTPException), token.within(HEAD_SECONDS):
                response.read(1)

    def _copy(self, download: FileDownload, url: SplitResult, part: Part, token: CancelToken) -> None:
        """Copy a part from this machine.

        A file that changed since the last attempt is copied from its first byte.
        """
        promise, scheduler = download.promise, self._scheduler
        source = FileSource(url, promise.size_bytes, download.name)
        try:
            known = self._journal.state.file(promise.path).validator
            if known != source.validator and scheduler.written(part.file):
                self._writer.start_over(part, validator=source.validator, url=download.url)
                scheduler.take_whole(part)
            self._writer.note_source(
                part.file, url=download.url, etag="", last_modified="", validator=source.validator
            )
            target = self._writer.begin(part)

            def wrote(count: int) -> None:
                self._writer.wrote(part, count)
                token.check()
                self._limits.spend(count, token)

            source.copy(target, part.position, part.end, wrote)
        finally:
            source.close()
