"""All files of a model from real origins: mirrors, addresses that expire, files of this machine, limits and their words."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from actors.model_downloader.downloader_context import World
from actors.model_downloader.progress_reporter import ProgressReporter
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.model_downloader.staging.staged_file import DiskFailed
from actors.model_downloader.transfer.http_client import FetchFailed, HttpClient
from actors.model_downloader.transfer.space_reservations import SpaceReservations
from actors.model_downloader.transfer.transfer import Transfer, candidates
from actors.model_downloader.transfer.transfer_limits import TransferLimits
from actors.shared.credentials import SourceEndpoints
from schemas.event import Event
from schemas.manifest import FilePromise, ModelEntry
from schemas.models import FilesVerifiedEvent, FilesVerifyRequestEvent, ModelDownloadProgressedEvent
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
    """A transfer of one file, and what was told."""

    def __init__(
        self, directory: Path, urls: list[str], size: int = len(BODY), traffic: TransferLimits | None = None
    ) -> None:
        self.file = FilePromise(path="model.bin", size_bytes=size, sha256="0" * 64, urls=urls)
        self.entry = ModelEntry(id="m", name="M", category="stt", licence="MIT", files=[self.file])
        self.root = ModelsLayout(directory)
        self.root.prepare()
        self.events: list[Any] = []
        self.world = World(publish=self.publish, verify=self.verify, traffic=traffic or TransferLimits())
        self.world.open_client = lambda: HttpClient(1.0, offline=self.world.is_offline)
        self.book = self.root.open_staging(self.entry)
        telling = ProgressReporter(self.entry, self.world, str(self.root.staging("m")))
        telling.book = self.book
        self.transfer = Transfer(self.entry, self.root, self.world, telling, self.book)

    async def publish(self, event: Event) -> None:
        self.events.append(event)

    async def verify(self, request: FilesVerifyRequestEvent) -> FilesVerifiedEvent:
        raise AssertionError("nobody asks for a verdict here")

    async def run(self) -> FetchFailed | DiskFailed | None:
        failure = await self.transfer.fetch_all()
        self.world.close()
        return failure

    @property
    def bytes(self) -> bytes:
        return self.root.staged_file("m", self.file).read_bytes()


async def test_mirror_of_the_settings_is_asked_first_and_the_manifest_next(
    origin: FaultyOrigin, mirror: FaultyOrigin, tmp_path: Path
) -> None:
    trip = Trip(tmp_path, [origin.url + "/m"])
    trip.world.traffic.mirror_url = mirror.url + "/"
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


def test_mirror_keeps_the_path_and_is_named_once() -> None:
    file = FilePromise(
        path="f",
        size_bytes=1,
        sha256="0" * 64,
        urls=["https://hub.example/a/b?x=1", "https://mirror.example/a/b?x=1"],
    )
    assert candidates(file, "https://mirror.example/", SourceEndpoints()) == [
        "https://mirror.example/a/b?x=1",
        "https://hub.example/a/b?x=1",
    ]
    assert candidates(file, "", SourceEndpoints()) == file.urls


async def test_server_that_stands_in_for_the_hub_is_asked_for_what_a_manifest_has_there(
    origin: FaultyOrigin, tmp_path: Path
) -> None:
    trip = Trip(tmp_path, ["https://huggingface.co/m", "https://elsewhere.example/m"])
    trip.world.endpoints = SourceEndpoints(hub=origin.url)
    assert await trip.run() is None
    assert trip.bytes == BODY
    assert trip.book.state.files[0].url == origin.url + "/m"
    assert candidates(trip.file, "", trip.world.endpoints) == [
        origin.url + "/m",
        "https://elsewhere.example/m",
    ]


async def test_address_that_expired_is_asked_for_again_at_the_origin(
    origin: FaultyOrigin, mirror: FaultyOrigin, tmp_path: Path
) -> None:
    """The hub leads to a signed address; once that is refused, the hub is asked for another one, without another attempt."""
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
        == trip.book.state.files[0].durable_bytes - mirror.requests[-1].sent_bytes
    )


async def test_file_of_this_machine_is_copied_and_goes_on_where_it_was(tmp_path: Path) -> None:
    source = tmp_path / "stick.bin"
    source.write_bytes(BODY)
    trip = Trip(tmp_path / "models", [source.as_uri()])
    assert await trip.run() is None
    assert trip.bytes == BODY
    assert trip.book.state.durable_bytes == len(BODY)


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
    assert trip.root.staging("m").is_dir()


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
    space = trip.world.space = SpaceReservations()
    space.reserve("other", 50 * MIB)
    monkeypatch.setattr(trip.root, "free_bytes", lambda: 60 * MIB)
    failure = await trip.run()
    assert isinstance(failure, DiskFailed)
    assert failure.errno == errno.ENOSPC
    assert "MB short, of which other installs will take 52.5 MB" in str(failure)
    assert origin.requests == []
    space.release("other")
    assert await trip.run() is None


async def test_refusal_without_a_challenge_is_not_answered(origin: FaultyOrigin, tmp_path: Path) -> None:
    trip = Trip(tmp_path, [origin.url + "/m"])
    asked: list[str] = []

    async def answer(url: str, challenges: tuple[str, ...]) -> bool:
        asked.append(url)
        return True

    trip.world.answer_challenge = answer  # type: ignore[method-assign]
    origin.misbehave("/m", Faults(status=401))
    failure = await trip.run()
    assert isinstance(failure, FetchFailed)
    assert failure.kind == "refused"
    assert asked == []


async def test_what_cancels_the_install_ends_the_connections(origin: FaultyOrigin, tmp_path: Path) -> None:
    origin.serve("/m", SyntheticContent(8 * MIB))
    origin.misbehave("/m", Faults(stall_after_bytes=MIB))
    trip = Trip(tmp_path, [origin.url + "/m"], 8 * MIB)
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:
            group.start_soon(trip.transfer.fetch_all)
            while trip.book.state.durable_bytes < MIB:
                await anyio.sleep(0.01)
            scope.cancel()
    trip.world.close()
    assert trip.book.state.durable_bytes == MIB
    told = [event for event in trip.events if isinstance(event, ModelDownloadProgressedEvent)]
    assert told[-1].files[0].prefix_bytes == told[-1].files[0].durable_bytes
