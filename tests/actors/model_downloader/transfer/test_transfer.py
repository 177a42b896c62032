"""All files of a model from real origins: mirrors, addresses that expire, local files, limits."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.model_downloader.staging.staged_file import DiskFailed
from actors.model_downloader.staging.staging_journal import StagingState
from actors.model_downloader.transfer.http.fetch_failure import FetchFailed
from actors.model_downloader.transfer.http.http_client import HttpClient, HttpResponse
from actors.model_downloader.transfer.source_urls import source_urls
from actors.model_downloader.transfer.space_reservations import SpaceReservations
from actors.model_downloader.transfer.transfer import CHALLENGES_A_FILE, Transfer
from actors.model_downloader.transfer.transfer_limits import TransferLimits
from actors.model_downloader.transfer.worker_pool import WorkerPool
from actors.shared.credentials import SourceEndpoints, offline_by
from schemas.manifest import FilePromise, ModelEntry
from tests.support.disk_calls import disk_calls_on_loop
from tests.support.faulty_origin import FaultyOrigin
from tests.support.origin_content import BytesContent, SyntheticContent
from tests.support.origin_faults import Faults

pytestmark = pytest.mark.anyio
MIB = 1 << 20
BODY = os.urandom(300_000)


@pytest.fixture
def origin() -> Iterator[FaultyOrigin]:
    with FaultyOrigin() as found:
        found.serve("/m", BytesContent(BODY))
        yield found


@pytest.fixture
def mirror() -> Iterator[FaultyOrigin]:
    with FaultyOrigin() as found:
        found.serve("/m", BytesContent(BODY))
        yield found


class Trip:
    """A transfer of one file, and what it reported."""

    def __init__(
        self, directory: Path, urls: list[str], size: int = len(BODY), limits: TransferLimits | None = None
    ) -> None:
        self.file = FilePromise(path="model.bin", size_bytes=size, sha256="0" * 64, urls=urls)
        self.entry = ModelEntry(id="m", name="M", category="stt", licence="MIT", files=[self.file])
        self.layout = ModelsLayout(directory)
        self.layout.prepare()
        self.mirror_url = ""
        self.endpoints = SourceEndpoints()
        self.challenged: list[str] = []
        self.reported: list[StagingState] = []
        self.journal = self.layout.open_staging(self.entry)
        self.spaces = SpaceReservations()
        self.open = contextlib.ExitStack()
        self.space = self.open.enter_context(self.spaces.reserve())
        self.client = HttpClient(1.0, offline=lambda: offline_by(os.environ))
        self.transfer = Transfer(
            self.entry,
            self.layout,
            self.journal,
            client=self.client,
            limits=limits or TransferLimits(),
            space=self.space,
            urls_of=lambda promise: source_urls(promise, self.mirror_url, self.endpoints),
            answer_challenge=self.answer_challenge,
            report_progress=self.report,
        )

    async def answer_challenge(self, url: str, challenges: tuple[str, ...]) -> bool:
        self.challenged.append(url)
        return True

    async def report(self, last: bool) -> None:
        self.reported.append(self.journal.saved)

    async def run(self) -> FetchFailed | DiskFailed | None:
        failure = await self.transfer.fetch_all()
        self.client.close()
        return failure

    @property
    def bytes(self) -> bytes:
        return self.layout.staged_file("m", self.file).path.read_bytes()


async def test_mirror_of_the_settings_is_asked_first_and_the_manifest_next(
    origin: FaultyOrigin, mirror: FaultyOrigin, tmp_path: Path
) -> None:
    trip = Trip(tmp_path, [origin.url + "/m"])
    trip.mirror_url = mirror.url + "/"
    mirror.misbehave("/m", Faults(status=503))
    failure = await trip.run()
    assert isinstance(failure, FetchFailed)
    assert origin.requests == []
    assert await trip.run() is None
    assert trip.bytes == BODY
    assert [seen.path for seen in mirror.requests] == ["/m"]


async def test_source_that_is_dead_is_left_for_the_next_once_it_brings_nothing(
    origin: FaultyOrigin, mirror: FaultyOrigin, tmp_path: Path
) -> None:
    trip = Trip(tmp_path, [origin.url + "/m", mirror.url + "/m"])
    origin.misbehave("/m", Faults(times=1, cut_after_bytes=100_000))
    assert isinstance(await trip.run(), FetchFailed)
    origin.misbehave("/m", Faults(status=500))
    assert isinstance(await trip.run(), FetchFailed)
    assert origin.requests[-1].range_start, "what it began it was asked to go on with"
    assert await trip.run() is None
    assert trip.bytes == BODY
    assert len(mirror.requests) == 1


async def test_server_that_stands_in_for_the_hub_is_asked_for_what_a_manifest_has_there(
    origin: FaultyOrigin, tmp_path: Path
) -> None:
    trip = Trip(tmp_path, ["https://huggingface.co/m", "https://elsewhere.example/m"])
    trip.endpoints = SourceEndpoints(hub=origin.url)
    assert await trip.run() is None
    assert trip.bytes == BODY
    assert trip.journal.state.files[0].url == origin.url + "/m"


async def test_address_that_expired_is_asked_for_again_at_the_origin(
    origin: FaultyOrigin, mirror: FaultyOrigin, tmp_path: Path
) -> None:
    """The hub leads to a signed address; if that is refused, it is asked for another one at once."""
    trip = Trip(tmp_path, [origin.url + "/m", origin.url + "/m"])
    mirror.serve("/signed-1", BytesContent(BODY))
    mirror.serve("/signed-2", BytesContent(BODY))
    origin.misbehave("/m", Faults(redirect=mirror.url + "/signed-1"))
    mirror.misbehave("/signed-1", Faults(times=1, cut_after_bytes=100_000))
    assert isinstance(await trip.run(), FetchFailed)
    mirror.misbehave("/signed-1", Faults(status=403))
    failure = await trip.run()
    assert isinstance(failure, FetchFailed)
    assert "may have expired" in str(failure)
    assert failure.kind == "server", "another attempt makes sense"
    origin.misbehave("/m", Faults(redirect=mirror.url + "/signed-2"))
    assert await trip.run() is None
    assert trip.bytes == BODY
    assert (
        mirror.requests[-1].range_start
        == trip.journal.state.files[0].durable_bytes - mirror.requests[-1].sent_bytes
    )


async def test_file_of_this_machine_is_copied_and_goes_on_where_it_was(tmp_path: Path) -> None:
    source = tmp_path / "stick.bin"
    source.write_bytes(BODY)
    trip = Trip(tmp_path / "models", [source.as_uri()])
    assert await trip.run() is None
    assert trip.bytes == BODY
    assert trip.journal.state.durable_bytes == len(BODY)


async def test_offline_nobody_is_asked_and_the_partial_is_kept(
    origin: FaultyOrigin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNDERCROFT_OFFLINE", "1")
    trip = Trip(tmp_path, [origin.url + "/m"])
    failure = await trip.run()
    assert isinstance(failure, FetchFailed)
    assert failure.kind == "refused"
    assert "offline by choice" in str(failure)
    assert origin.requests == []
    assert trip.layout.staging("m").is_dir()


async def test_rate_is_kept_over_all_streams(origin: FaultyOrigin, tmp_path: Path) -> None:
    origin.serve("/m", SyntheticContent(MIB))
    trip = Trip(tmp_path, [origin.url + "/m"], MIB, TransferLimits(4, rate_bytes_per_second=2 * MIB))
    started = time.monotonic()
    assert await trip.run() is None
    assert time.monotonic() - started >= 0.3


@pytest.mark.requirement("S1-32")
async def test_what_other_installs_have_yet_to_write_counts_against_the_disk(
    origin: FaultyOrigin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trip = Trip(tmp_path, [origin.url + "/m"])
    monkeypatch.setattr(trip.layout, "free_bytes", lambda: 60 * MIB)
    with trip.spaces.reserve() as other:
        other.hold(50 * MIB)
        failure = await trip.run()
        assert isinstance(failure, DiskFailed)
        assert failure.errno == errno.ENOSPC
        assert "MB short, of which other installs will take 52.5 MB" in str(failure)
        assert origin.requests == []
    assert await trip.run() is None
    assert trip.space.needed_bytes == 0, "what is written is not reserved any more"


async def test_what_is_still_to_be_written_stays_reserved_between_attempts(
    origin: FaultyOrigin, tmp_path: Path
) -> None:
    trip = Trip(tmp_path, [origin.url + "/m"])
    origin.misbehave("/m", Faults(cut_after_bytes=100_000))
    assert isinstance(await trip.run(), FetchFailed)
    assert trip.space.needed_bytes == len(BODY) - trip.journal.state.durable_bytes
    assert 0 < trip.space.needed_bytes < len(BODY)


async def test_refusal_without_a_challenge_is_not_answered(origin: FaultyOrigin, tmp_path: Path) -> None:
    trip = Trip(tmp_path, [origin.url + "/m"])
    origin.misbehave("/m", Faults(status=401))
    failure = await trip.run()
    assert isinstance(failure, FetchFailed)
    assert failure.kind == "refused"
    assert trip.challenged == []


async def test_server_that_asks_for_credentials_at_ever_new_addresses_is_given_up(
    origin: FaultyOrigin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trip = Trip(tmp_path, [origin.url + "/m"])
    numbers = itertools.count()
    get = HttpClient.get

    def get_elsewhere(client: HttpClient, url: str, *args: Any, **options: Any) -> HttpResponse:
        return get(client, f"{url}?{next(numbers)}", *args, **options)

    monkeypatch.setattr(HttpClient, "get", get_elsewhere)
    for number in range(100):
        origin.misbehave(f"/m?{number}", Faults(status=401, challenge='Basic realm="x"'))
    failure = await trip.run()
    assert isinstance(failure, FetchFailed)
    assert len(trip.challenged) == CHALLENGES_A_FILE
    assert len(origin.requests) == CHALLENGES_A_FILE + 1


async def test_what_cancels_the_install_ends_the_connections(origin: FaultyOrigin, tmp_path: Path) -> None:
    origin.serve("/m", SyntheticContent(8 * MIB))
    origin.misbehave("/m", Faults(stall_after_bytes=MIB))
    trip = Trip(tmp_path, [origin.url + "/m"], 8 * MIB)
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:
            group.start_soon(trip.transfer.fetch_all)
            while trip.journal.state.durable_bytes < MIB:
                await anyio.sleep(0.01)
            scope.cancel()
    trip.client.close()
    assert trip.journal.state.durable_bytes == MIB
    assert trip.reported[-1].files[0].prefix_bytes == trip.reported[-1].files[0].durable_bytes > 0


async def test_no_disk_is_touched_on_the_event_loop(origin: FaultyOrigin, tmp_path: Path) -> None:
    trip = Trip(tmp_path, [origin.url + "/m"])
    origin.misbehave("/m", Faults(times=1, cut_after_bytes=100_000))
    with disk_calls_on_loop() as found:
        assert isinstance(await trip.run(), FetchFailed)
        assert await trip.run() is None
    assert found == []
    assert trip.bytes == BODY


async def test_an_attempt_that_brings_nothing_and_says_nothing_is_not_repeated_for_ever(
    origin: FaultyOrigin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trip, runs = Trip(tmp_path, [origin.url + "/m"]), []
    monkeypatch.setattr(WorkerPool, "run", lambda pool: runs.append(pool))
    failure = await trip.run()
    assert (str(failure), len(runs)) == ("m: an attempt brought nothing, without a reason", 1)
