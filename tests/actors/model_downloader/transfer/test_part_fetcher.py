"""Fetching from a real origin that misbehaves: the right bytes, or a failure that says why."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.model_downloader.staging.staging_journal import FileState, StagingJournal, reconcile
from actors.model_downloader.transfer.attempt import Attempt
from actors.model_downloader.transfer.cancel_token import CancelToken, FetchCancelled
from actors.model_downloader.transfer.http.fetch_failure import FetchFailed
from actors.model_downloader.transfer.http.http_client import HttpClient
from actors.model_downloader.transfer.part_fetcher import FileDownload
from actors.model_downloader.transfer.transfer_limits import TransferLimits
from schemas.manifest import FilePromise, ModelEntry
from tests.support.faulty_origin import FaultyOrigin
from tests.support.origin_content import BytesContent
from tests.support.origin_faults import Faults

BODY = bytes(range(256)) * 1200
OTHER = BODY[::-1]
SIZE = len(BODY)
HALF = SIZE // 2


@pytest.fixture
def origin() -> Iterator[FaultyOrigin]:
    with FaultyOrigin() as found:
        found.serve("/m", BytesContent(BODY))
        yield found


@pytest.fixture
def client() -> Iterator[HttpClient]:
    found = HttpClient(stall_seconds=1.0)
    yield found
    found.close()


class Fetch:
    """Fetches into a temporary directory, over one connection unless told otherwise, and what came of it."""

    def __init__(self, origin: FaultyOrigin, client: HttpClient, directory: Path, streams: int = 1) -> None:
        self.origin = origin
        self.client = client
        self.path = directory / "model.bin"
        self.limits = TransferLimits(streams)
        self.state: FileState | None = None
        self.attempt: Attempt | None = None
        self.ready = threading.Event()

    def __call__(
        self, have: bytes = b"", validator: str | None = None, size: int = SIZE, url: str = ""
    ) -> int:
        self.path.write_bytes(have)
        url = url or self.origin.url + "/m"
        promise = FilePromise(path="model.bin", size_bytes=size, sha256="0" * 64, urls=[url])
        entry = ModelEntry(id="m", name="M", category="stt", licence="MIT", files=[promise])
        journal = StagingJournal(self.path.parent, reconcile(entry, None))
        journal.change(boot="this one")
        source = url if have else ""
        journal.change_file("model.bin", durable_bytes=len(have), validator=validator, url=source)
        download = FileDownload(promise, "m/model.bin", url)
        self.attempt = Attempt(self.path.parent, [download], journal, self.client, self.limits)
        self.ready.set()
        try:
            assert self.attempt.run() is None
        finally:
            self.state = journal.state.files[0]
        if self.attempt.failures:
            raise self.attempt.failures[0]
        return journal.state.fetched_bytes

    @property
    def bytes(self) -> bytes:
        return self.path.read_bytes() if self.path.exists() else b""

    @property
    def statuses(self) -> list[int]:
        return [seen.status for seen in self.origin.requests]


@pytest.fixture
def fetch(origin: FaultyOrigin, client: HttpClient, tmp_path: Path) -> Fetch:
    return Fetch(origin, client, tmp_path)


@pytest.fixture
def etag() -> str:
    return f'"{BytesContent(BODY).etag}"'


def test_whole_file_is_fetched_and_its_source_told_before_the_first_byte(fetch: Fetch, etag: str) -> None:
    assert fetch() == SIZE
    assert fetch.bytes == BODY
    assert fetch.state is not None
    assert (fetch.state.url, fetch.state.etag, fetch.state.last_modified, fetch.state.validator) == (
        fetch.origin.url + "/m",
        etag,
        "",
        etag,
    )
    assert fetch.origin.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.requirement("S1-27", "S1-28")
def test_rest_is_fetched_with_range_and_if_range(fetch: Fetch, etag: str) -> None:
    assert fetch(BODY[:HALF], etag) == SIZE - HALF
    assert fetch.bytes == BODY
    assert (fetch.statuses, fetch.origin.sent_bytes("/m")) == ([206], SIZE - HALF)
    assert fetch.origin.requests[0].headers["if-range"] == etag


def test_complete_file_costs_no_request(fetch: Fetch) -> None:
    assert fetch(BODY) == 0
    assert fetch.origin.requests == []


@pytest.mark.requirement("S1-28", "S1-29")
def test_changed_file_is_fetched_anew_and_no_old_byte_is_kept(fetch: Fetch, etag: str) -> None:
    fetch.origin.serve("/m", BytesContent(OTHER))
    fetch(BODY[:HALF], etag)
    assert fetch.bytes == OTHER
    assert fetch.statuses == [200]


@pytest.mark.requirement("S1-28")
@pytest.mark.parametrize(
    ("faults", "statuses"),
    [
        (Faults(no_ranges=True), [200, 200]),
        (Faults(full_on_if_range=True), [200, 206]),
        (Faults(weak_etag=True), [200]),
        (Faults(no_validator=True), [200]),
        (Faults(shift_content_range=1), [206, 200]),
        (Faults(status=416, times=1), [416, 200]),
    ],
    ids=["no ranges", "200 to If-Range", "weak ETag", "no validator", "wrong Content-Range", "416"],
)
def test_origin_that_does_ranges_badly_still_gives_the_right_bytes(
    fetch: Fetch, etag: str, faults: Faults, statuses: list[int]
) -> None:
    fetch.origin.misbehave("/m", faults)
    fetch(BODY[:HALF], etag)
    assert fetch.bytes == BODY
    assert fetch.statuses == statuses


@pytest.mark.requirement("S1-29")
def test_weak_validator_is_kept_for_the_record_but_not_for_a_resume(fetch: Fetch) -> None:
    fetch.origin.misbehave("/m", Faults(weak_etag=True))
    fetch()
    assert fetch.state is not None
    assert fetch.state.etag.startswith("W/")
    assert fetch.state.validator is None


def test_date_validates_where_there_is_no_etag(fetch: Fetch) -> None:
    fetch.origin.misbehave("/m", Faults(weak_etag=True, last_modified=1_700_000_000))
    fetch()
    assert fetch.state is not None
    assert fetch.state.validator is None, "a date must not be used where there is an ETag, even a weak one"


@pytest.mark.parametrize(
    ("faults", "kind", "words"),
    [
        (Faults(cut_after_bytes=HALF), "network", "interrupted"),
        (Faults(stall_after_bytes=HALF), "network", "no byte came for too long"),
        (Faults(status=503, retry_after="3"), "server", "503"),
        (Faults(status=429, retry_after="3"), "server", "429"),
        (Faults(status=404), "refused", "not there any more"),
        (Faults(portal=True), "server", "sign in to the network"),
        (Faults(content_encoding="gzip"), "refused", "'gzip'"),
        (Faults(surplus_bytes=5), "refused", "expected"),
        (Faults(redirect="/m"), "refused", "in a circle"),
        (
            Faults(redirect="ftp://127.0.0.1/m"),
            "refused",
            "redirects to ftp://127.0.0.1/m, which is not followed: its scheme is 'ftp'",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_failure_says_what_happened_and_whether_to_try_again(
    fetch: Fetch, faults: Faults, kind: str, words: str
) -> None:
    fetch.origin.misbehave("/m", faults)
    with pytest.raises(FetchFailed, match=words) as caught:
        fetch()
    assert caught.value.kind == kind
    assert caught.value.retry_after == faults.retry_after
    assert BODY.startswith(fetch.bytes)


def test_bytes_before_a_cut_are_kept(fetch: Fetch) -> None:
    fetch.origin.misbehave("/m", Faults(stall_after_bytes=HALF))
    with pytest.raises(FetchFailed):
        fetch()
    assert fetch.bytes == BODY[:HALF]


def test_surplus_byte_is_never_written(fetch: Fetch) -> None:
    fetch.origin.misbehave("/m", Faults(surplus_bytes=5))
    with pytest.raises(FetchFailed):
        fetch()
    assert fetch.bytes == b""


def test_server_that_is_not_there_is_a_network_failure(fetch: Fetch) -> None:
    gone = FaultyOrigin()
    url = gone.url
    gone.close()
    with pytest.raises(FetchFailed, match="cannot be reached") as caught:
        fetch(url=url + "/m")
    assert caught.value.kind == "network"


@pytest.mark.requirement("S1-31")
def test_cancelling_ends_a_fetch_that_waits_for_bytes(origin: FaultyOrigin, tmp_path: Path) -> None:
    origin.misbehave("/m", Faults(stall_after_bytes=HALF))
    client = HttpClient(stall_seconds=60)
    fetch = Fetch(origin, client, tmp_path)
    thread = threading.Thread(target=fetch)
    thread.start()
    while not fetch.path.exists() or fetch.path.stat().st_size < HALF:
        pass
    assert fetch.attempt is not None
    fetch.attempt.cancel()
    thread.join(10)
    assert not thread.is_alive()
    client.close()
    assert fetch.attempt.failures == {}
    assert fetch.bytes == BODY[:HALF]


def test_cancelling_before_the_start_makes_no_request(fetch: Fetch) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(FetchCancelled):
        fetch.client.get(fetch.origin.url + "/m", {}, token, "m/model.bin")
    assert fetch.origin.requests == []


def test_loopback_is_never_asked_for_over_a_proxy(
    monkeypatch: pytest.MonkeyPatch, fetch: Fetch, tmp_path: Path
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:9")
    client = HttpClient()
    assert Fetch(fetch.origin, client, tmp_path)() == SIZE
    client.close()
