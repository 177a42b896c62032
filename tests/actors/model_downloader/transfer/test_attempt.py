"""One attempt from end to end: what came is durable when it returns, and a disk that refuses ends it."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.model_downloader.staging.staged_file import DiskFailed, StagedFile
from actors.model_downloader.staging.staging_journal import StagingJournal, read_journal, reconcile
from actors.model_downloader.transfer.attempt import Attempt
from actors.model_downloader.transfer.http.http_client import HttpClient
from actors.model_downloader.transfer.part_fetcher import FileDownload
from actors.model_downloader.transfer.transfer_limits import TransferLimits
from schemas.manifest import FilePromise, ModelEntry
from tests.support.faulty_origin import FaultyOrigin
from tests.support.origin_content import BytesContent
from tests.support.origin_faults import Faults

BODY = bytes(range(256)) * 4000


@pytest.fixture
def origin() -> Iterator[FaultyOrigin]:
    with FaultyOrigin() as found:
        for name in ("/0", "/1"):
            found.serve(name, BytesContent(BODY))
        yield found


@pytest.fixture
def client() -> Iterator[HttpClient]:
    found = HttpClient(stall_seconds=30)
    yield found
    found.close()


def attempt_at(
    directory: Path, origin: FaultyOrigin, client: HttpClient, limits: TransferLimits | None = None
) -> Attempt:
    files = [
        FilePromise(path=f"f{n}", size_bytes=len(BODY), sha256="0" * 64, urls=[f"{origin.url}/{n}"])
        for n in range(2)
    ]
    entry = ModelEntry(id="m", name="M", category="stt", licence="MIT", files=files)
    journal = StagingJournal(directory, reconcile(entry, None))
    journal.change(boot="this one")
    downloads = [FileDownload(file, f"m/{file.path}", file.urls[0]) for file in files]
    return Attempt(directory, downloads, journal, client, limits or TransferLimits())


def test_all_that_came_is_durable_on_return(origin: FaultyOrigin, client: HttpClient, tmp_path: Path) -> None:
    attempt = attempt_at(tmp_path, origin, client)
    assert attempt.run() is None
    assert attempt.failures == {}
    state = read_journal(tmp_path)
    assert state is not None
    assert (state.durable_bytes, state.fetched_bytes) == (2 * len(BODY), 2 * len(BODY))
    assert attempt.scheduler.active_parts == []


def test_disk_that_refuses_ends_the_attempt_and_its_words_come_back(
    origin: FaultyOrigin, client: HttpClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(file: StagedFile, view: memoryview, position: int) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(StagedFile, "_write_at", refuse)
    attempt = attempt_at(tmp_path, origin, client, TransferLimits(1))
    failure = attempt.run()
    assert isinstance(failure, DiskFailed)
    assert failure.errno == errno.ENOSPC
    assert len(origin.requests) == 1, "nothing more is asked for"


def test_directory_that_is_not_there_is_a_failure_of_the_disk(
    origin: FaultyOrigin, client: HttpClient, tmp_path: Path
) -> None:
    with pytest.raises(DiskFailed):
        attempt_at(tmp_path / "gone", origin, client)


@pytest.mark.parametrize("early", [True, False])
def test_cancelling_ends_it_at_once_and_leaves_what_came(
    origin: FaultyOrigin, client: HttpClient, tmp_path: Path, early: bool
) -> None:
    for name in ("/0", "/1"):
        origin.misbehave(name, Faults(stall_after_bytes=1000))
    attempt = attempt_at(tmp_path, origin, client)
    running = threading.Thread(target=attempt.run)
    if early:
        attempt.cancel()
    running.start()
    while not early and sum(attempt.scheduler.missing_bytes) > 2 * (len(BODY) - 1000):
        running.join(0.01)
    attempt.cancel()
    running.join(10)
    assert not running.is_alive()
    assert attempt.failures == {}
    state = read_journal(tmp_path)
    assert (state.durable_bytes if state else 0) == (0 if early else 2000)
