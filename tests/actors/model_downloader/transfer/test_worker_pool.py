"""Several connections to a real origin: as many as help, one representation, and the file gets whole."""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from actors.model_downloader.staging.staging_journal import StagingJournal, reconcile
from actors.model_downloader.transfer import concurrency, part_scheduler
from actors.model_downloader.transfer.attempt import Attempt
from actors.model_downloader.transfer.cancel_token import CancelToken
from actors.model_downloader.transfer.http.fetch_failure import FetchFailed
from actors.model_downloader.transfer.http.http_client import HttpClient
from actors.model_downloader.transfer.part_fetcher import FileDownload, PartFetcher
from actors.model_downloader.transfer.part_scheduler import PartScheduler
from actors.model_downloader.transfer.transfer_limits import TransferLimits
from schemas.manifest import FilePromise, ModelEntry, Pieces
from tests.support.faulty_origin import FaultyOrigin
from tests.support.origin_content import BytesContent, OriginContent, SyntheticContent
from tests.support.origin_faults import Faults

MIB = 1 << 20
PIECE = MIB


@pytest.fixture
def origin(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyOrigin]:
    """An origin that limits each connection; parts are small, so that small files have several."""
    monkeypatch.setattr(concurrency, "WINDOW_SECONDS", 0.1)
    monkeypatch.setattr(part_scheduler, "PART_LEAST_BYTES", 2 * MIB)
    monkeypatch.setattr(part_scheduler, "SPLIT_LEAST_BYTES", MIB)
    with FaultyOrigin() as found:
        found.rate_bytes_per_second = 8 * MIB
        yield found


def content_of(content: SyntheticContent) -> bytes:
    return b"".join(bytes(chunk) for chunk in content.read(0, content.size_bytes))


class NamedContent(BytesContent):
    """Bytes under an ETag of choice."""

    def __init__(self, content: bytes, etag: str) -> None:
        super().__init__(content)
        self.etag = etag


class Work:
    """One attempt at a model whose files an origin serves, and its staging directory."""

    def __init__(
        self,
        origin: FaultyOrigin,
        directory: Path,
        *contents: SyntheticContent,
        streams: int = 6,
        pieces: bool = False,
    ) -> None:
        self.origin = origin
        self.directory = directory
        self.contents = contents
        files = []
        for number, content in enumerate(contents):
            url = origin.serve(f"/{number}", content)
            whole = content_of(content)
            digests = [
                hashlib.sha256(whole[start : start + PIECE]).hexdigest()
                for start in range(0, len(whole), PIECE)
            ]
            known = Pieces(size_bytes=PIECE, sha256=digests) if pieces else None
            files.append(
                FilePromise(
                    path=f"f{number}", size_bytes=len(whole), sha256="0" * 64, urls=[url], pieces=known
                )
            )
        self.entry = ModelEntry(id="m", name="M", category="stt", licence="MIT", files=files)
        self.journal = StagingJournal(directory, reconcile(self.entry, None))
        self.journal.change(boot="this one")
        self.limits = TransferLimits(streams)
        self.most_at_once = 0

    def run(self, watch: Callable[[Attempt], None] | None = None) -> dict[int, FetchFailed]:
        client = HttpClient(stall_seconds=30)
        downloads = [FileDownload(file, f"m/{file.path}", file.urls[0]) for file in self.entry.files]
        attempt = Attempt(self.directory, downloads, self.journal, client, self.limits)
        disk_failures = []
        thread = threading.Thread(target=lambda: disk_failures.append(attempt.run()))
        thread.start()
        while thread.is_alive():
            self.most_at_once = max(self.most_at_once, len(attempt.scheduler.active_parts))
            if watch:
                watch(attempt)
            thread.join(0.01)
        assert disk_failures == [None]
        client.close()
        return attempt.failures

    @property
    def is_whole(self) -> bool:
        return all(
            (self.directory / f"f{number}").read_bytes() == content_of(content)
            for number, content in enumerate(self.contents)
        )

    @property
    def ranges_asked(self) -> list[str]:
        return [seen.headers.get("range", "whole") for seen in self.origin.requests]


def test_origin_that_limits_each_connection_gets_several_and_the_file_is_whole(
    origin: FaultyOrigin, tmp_path: Path
) -> None:
    work = Work(origin, tmp_path, SyntheticContent(24 * MIB))
    assert work.run() == {}
    assert work.is_whole
    assert work.most_at_once > 1
    assert work.ranges_asked[0] == "whole"
    assert all("if-range" in seen.headers for seen in origin.requests[1:])
    assert work.journal.state.durable_bytes == 24 * MIB
    assert work.journal.state.files[0].ranges == []


def test_server_without_ranges_gets_one_connection_and_no_byte_is_sent_for_nothing(
    origin: FaultyOrigin, tmp_path: Path
) -> None:
    work = Work(origin, tmp_path, SyntheticContent(16 * MIB))
    origin.misbehave("/0", Faults(no_ranges=True))
    assert work.run() == {}
    assert work.is_whole
    assert [seen.status for seen in origin.requests].count(200) == len(origin.requests)
    assert len(origin.requests) <= 3, "another connection was tried once, with If-Range and without"


@pytest.mark.requirement("S1-29")
@pytest.mark.parametrize(
    "faults", [Faults(weak_etag=True), Faults(no_validator=True)], ids=["weak ETag", "no validator"]
)
def test_file_without_a_strong_validator_is_never_put_together_from_parts(
    origin: FaultyOrigin, tmp_path: Path, faults: Faults
) -> None:
    work = Work(origin, tmp_path, SyntheticContent(12 * MIB))
    origin.misbehave("/0", faults)
    assert work.run() == {}
    assert work.is_whole
    assert work.ranges_asked == ["whole"]


@pytest.mark.requirement("S1-29")
def test_file_that_changes_while_parts_are_fetched_is_never_mixed(
    origin: FaultyOrigin, tmp_path: Path
) -> None:
    old, new = SyntheticContent(24 * MIB, seed=1), SyntheticContent(24 * MIB, seed=2)
    work = Work(origin, tmp_path, old)
    swapped = threading.Event()

    def swap(attempt: Attempt) -> None:
        if not swapped.is_set() and origin.sent_bytes("/0") > 4 * MIB:
            origin.serve("/0", new)
            swapped.set()

    for _ in range(4):
        if work.run(swap) == {} and work.journal.state.durable_bytes == 24 * MIB:
            break
    found = (tmp_path / "f0").read_bytes()
    assert found in (content_of(old), content_of(new))
    assert work.journal.state.files[0].validator in (f'"{old.etag}"', f'"{new.etag}"')


def test_connections_that_break_leave_their_rest_to_the_others(origin: FaultyOrigin, tmp_path: Path) -> None:
    work = Work(origin, tmp_path, SyntheticContent(24 * MIB))
    broken: list[int] = []

    def break_one(attempt: Attempt) -> None:
        if not broken and work.most_at_once > 2:
            broken.append(1)
            origin.misbehave("/0", Faults(times=2, cut_after_bytes=256 * 1024))

    failures = work.run(break_one)
    if failures:  # the last one at work may have been among those that were cut
        assert {failure.kind for failure in failures.values()} == {"network"}
        assert work.run() == {}
    assert work.is_whole


def test_many_small_files_are_fetched_at_once_over_kept_connections(
    origin: FaultyOrigin, tmp_path: Path
) -> None:
    origin.rate_bytes_per_second = None
    work = Work(origin, tmp_path, *[SyntheticContent(64 * 1024, seed=seed) for seed in range(40)])
    assert work.run() == {}
    assert work.is_whole
    assert work.most_at_once <= 4
    assert len(origin.requests) == 40


def test_file_that_cannot_be_had_does_not_keep_the_others_back(origin: FaultyOrigin, tmp_path: Path) -> None:
    work = Work(origin, tmp_path, *[SyntheticContent(64 * 1024, seed=seed) for seed in range(4)])
    origin.misbehave("/1", Faults(status=404))
    failures = work.run()
    assert list(failures) == [1]
    assert failures[1].kind == "refused"
    assert [file.durable_bytes for file in work.journal.state.files] == [65536, 0, 65536, 65536]


def test_pieces_that_are_proven_are_kept_when_the_file_at_the_server_is_another_one(
    origin: FaultyOrigin, tmp_path: Path
) -> None:
    content = SyntheticContent(6 * MIB)
    work = Work(origin, tmp_path, content, pieces=True)
    (tmp_path / "f0").write_bytes(content_of(content)[: 4 * MIB - 10])
    work.journal.change_file(
        "f0", durable_bytes=4 * MIB - 10, validator='"another"', url=work.entry.files[0].urls[0]
    )
    assert work.run() == {}
    assert work.is_whole
    assert origin.requests[-1].range_start == 3 * MIB
    assert origin.requests[-1].headers["if-range"] == f'"{content.etag}"'


class Replicas(FaultyOrigin):
    """An origin whose two replicas have the same file under different validators, and answer by turns."""

    def __init__(self, *contents: OriginContent) -> None:
        super().__init__()
        self._turns = itertools.cycle(contents)

    def content_at(self, path: str) -> OriginContent:
        return next(self._turns)


def test_replicas_that_disagree_on_the_validator_are_not_asked_in_turns_for_ever(tmp_path: Path) -> None:
    content = SyntheticContent(6 * MIB)
    body = content_of(content)
    with Replicas(*[NamedContent(body, name) for name in ("one", "two")]) as replicas:
        work = Work(replicas, tmp_path, content, pieces=True)
        (tmp_path / "f0").write_bytes(body[: 4 * MIB - 10])
        work.journal.change_file(
            "f0", durable_bytes=4 * MIB - 10, validator='"another"', url=work.entry.files[0].urls[0]
        )
        assert work.run() == {}
        assert work.is_whole
        assert len(replicas.requests) <= 4


def test_without_pieces_another_file_is_fetched_from_its_first_byte(
    origin: FaultyOrigin, tmp_path: Path
) -> None:
    content = SyntheticContent(2 * MIB)
    work = Work(origin, tmp_path, content)
    (tmp_path / "f0").write_bytes(bytes(MIB))
    work.journal.change_file("f0", durable_bytes=MIB, validator='"another"', url=work.entry.files[0].urls[0])
    assert work.run() == {}
    assert work.is_whole


def test_cap_on_streams_is_kept_and_a_lower_one_counts_while_it_runs(
    origin: FaultyOrigin, tmp_path: Path
) -> None:
    work = Work(origin, tmp_path, SyntheticContent(16 * MIB), streams=2)
    assert work.run() == {}
    assert work.most_at_once <= 2
    assert work.is_whole


def test_cancelling_ends_all_connections_and_the_journal_has_what_they_brought(
    origin: FaultyOrigin, tmp_path: Path
) -> None:
    work = Work(origin, tmp_path, SyntheticContent(64 * MIB))

    def cancel(attempt: Attempt) -> None:
        if work.most_at_once > 2:
            attempt.cancel()

    assert work.run(cancel) == {}
    state = work.journal.state.files[0]
    whole, found = content_of(work.contents[0]), (tmp_path / "f0").read_bytes()
    assert 0 < state.durable_bytes < 64 * MIB
    assert all(found[start:end] == whole[start:end] for start, end in state.durable_ranges)
    assert sum(seen.sent_bytes for seen in origin.requests) - state.durable_bytes < len(origin.requests) * MIB
    origin.rate_bytes_per_second = None
    assert work.run() == {}
    assert work.is_whole


def test_signed_address_that_expires_while_parts_are_fetched_is_renewed_at_the_origin(
    origin: FaultyOrigin, tmp_path: Path
) -> None:
    content = SyntheticContent(24 * MIB)
    work = Work(origin, tmp_path, content)
    for name in ("/signed-1", "/signed-2"):
        origin.serve(name, content)
    origin.misbehave("/0", Faults(redirect="/signed-1"))
    expired = threading.Event()

    def expire(attempt: Attempt) -> None:
        if not expired.is_set() and work.most_at_once > 2:
            origin.misbehave("/0", Faults(redirect="/signed-2"))
            origin.misbehave("/signed-1", Faults(status=403))
            expired.set()

    assert work.run(expire) == {}
    assert work.is_whole
    paths = [seen.path for seen in origin.requests]
    assert paths[:2] == ["/0", "/signed-1"]
    assert 2 <= paths.count("/0") <= 1 + 6, (
        "asked once at first, and again only by those whose address had expired"
    )
    assert paths[-1] == "/signed-2"


def test_an_error_that_nobody_foresaw_ends_the_attempt_with_its_reason(
    origin: FaultyOrigin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: object) -> None:
        raise ZeroDivisionError("in \x1b[31m a test")

    work = Work(origin, tmp_path, SyntheticContent(3 * MIB), SyntheticContent(MIB))
    monkeypatch.setattr(PartFetcher, "fetch", fail)
    failures = work.run()
    assert sorted(failures) == [0, 1]
    assert {failure.kind for failure in failures.values()} == {"refused"}
    assert str(failures[0]) == (
        "m/f0: an error that nobody foresaw ended it (ZeroDivisionError: in [31m a test); report it"
    )


def test_a_worker_that_fails_beside_its_fetch_ends_the_attempt_as_well(
    origin: FaultyOrigin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: object) -> None:
        raise ZeroDivisionError("in a test")

    work = Work(origin, tmp_path, SyntheticContent(3 * MIB))
    monkeypatch.setattr(PartScheduler, "take", fail)
    failures = work.run()
    assert str(failures[0]).startswith("the download: an error that nobody foresaw ended it")
    assert work.limits.open_stream(CancelToken(), wait=False), "its stream is free again"


def test_without_threads_the_attempt_ends_with_that_reason(
    origin: FaultyOrigin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name.startswith("fetch"):
            raise RuntimeError("can't start new thread")
        start(thread)

    work = Work(origin, tmp_path, SyntheticContent(3 * MIB))
    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert str(work.run()[0]) == "no connection can be made (can't start new thread)"
