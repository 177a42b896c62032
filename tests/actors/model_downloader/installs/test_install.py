"""One model's journey with a real origin, a real verifier function and no bus: retries, mismatches, kills."""

from __future__ import annotations

import hashlib
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio.lowlevel
import msgspec
import pytest

import actors
from actors.model_downloader.installs.install import Install
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.model_downloader.staging.revisions import RECORD_NAME
from actors.model_downloader.staging.staging_journal import read_journal
from actors.model_downloader.transfer.http.http_client import HttpClient
from actors.model_downloader.transfer.space_reservations import SpaceReservation
from actors.model_verifier.comparison import compare
from actors.shared.durable.boot_id import boot_id
from bus.errors import RequestFailed
from schemas.manifest import FilePromise, ModelEntry, Pieces
from schemas.models import (
    FilesVerifiedEvent,
    FilesVerifyRequestEvent,
    ModelDownloadProgressedEvent,
    ModelInstalledEvent,
    ModelStateChangedEvent,
    ModelVerificationFailedEvent,
)
from tests.support.downloader_parts import downloader_parts
from tests.support.faulty_origin import FaultyOrigin
from tests.support.origin_content import BytesContent, OriginContent, SyntheticContent, sha256_of
from tests.support.origin_faults import Faults
from tests.support.scripted_peer import ScriptedPeer

pytestmark = pytest.mark.anyio
STALL_SECONDS = 1.0
MIB = 1 << 20


@pytest.fixture
def origin() -> Iterator[FaultyOrigin]:
    with FaultyOrigin() as found:
        yield found


class Journey:
    """An install of a model with one file, whose waiting time passes at once."""

    def __init__(
        self,
        origin: FaultyOrigin,
        models: Path,
        content: OriginContent,
        promised: OriginContent | None = None,
        urls: list[str] | None = None,
    ) -> None:
        self.origin = origin
        self.root = ModelsLayout(models)
        self.root.prepare()
        url = origin.serve("/m", content)
        promised = promised or content
        file = FilePromise(
            path="model.bin", size_bytes=promised.size_bytes, sha256=sha256_of(promised), urls=urls or [url]
        )
        self.entry = ModelEntry(id="m", name="M", category="stt", licence="MIT", files=[file])
        self.slept: list[float] = []
        self.refusals: list[str] = []
        self.bus = ScriptedPeer()
        self.bus.answer(FilesVerifyRequestEvent, lambda request: self.verify(request))
        self.build(stall_seconds=30)

    def build(self, stall_seconds: float) -> None:
        """Wire the parts; a connection that brings nothing for so long is given up."""
        self.parts = downloader_parts(
            self.root,
            self.bus,
            self.entry,
            client=HttpClient(stall_seconds=stall_seconds),
            sleep=lambda seconds: self.sleep(seconds),
        )

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await anyio.lowlevel.checkpoint()

    async def verify(self, request: FilesVerifyRequestEvent) -> FilesVerifiedEvent:
        if self.refusals:
            raise RequestFailed(self.refusals.pop(0), "in a test")  # type: ignore[arg-type]
        verdict = compare({}, Path(request.directory), request.files)
        return FilesVerifiedEvent(
            model_id="m",
            findings=verdict.findings,
            hashed_bytes=verdict.hashed_bytes,
            hashed_behind_bytes=0,
            seconds=0.0,
        )

    async def run(self) -> None:
        install = await Install.begin(self.entry, self.parts.installs)
        await install.run()
        self.parts.access.close()

    def of(self, kind: type[Any]) -> list[Any]:
        return self.bus.published_of(kind)

    @property
    def last(self) -> Any:
        return self.of(ModelStateChangedEvent)[-1].status


async def test_network_that_fails_thrice_is_tried_a_fourth_time_from_where_it_stopped(
    origin: FaultyOrigin, tmp_path: Path
) -> None:
    journey = Journey(origin, tmp_path, SyntheticContent(4 * MIB))
    origin.misbehave("/m", Faults(times=3, stall_after_bytes=MIB))
    journey.build(stall_seconds=STALL_SECONDS)
    await journey.run()
    assert [seen.range_start for seen in origin.requests] == [None, MIB, 2 * MIB, 3 * MIB]
    assert journey.slept == [0.75, 1.5, 3.0]
    assert journey.of(ModelInstalledEvent)[0].fetched_bytes == 4 * MIB
    assert journey.of(ModelInstalledEvent)[0].attempts == 4


@pytest.mark.requirement("S1-15", "S1-16")
async def test_network_that_fails_a_fourth_time_ends_the_install_and_keeps_the_partial(
    origin: FaultyOrigin, tmp_path: Path
) -> None:
    journey = Journey(origin, tmp_path, SyntheticContent(8 * MIB))
    origin.misbehave("/m", Faults(stall_after_bytes=MIB))
    journey.build(stall_seconds=STALL_SECONDS)
    await journey.run()
    assert len(origin.requests) == 4
    assert (journey.last.state, journey.last.durable_bytes) == ("failed", 4 * MIB)
    assert "no byte came for too long" in journey.last.problem
    assert "'undercroft models install m'" in journey.last.problem
    kept = read_journal(journey.root.staging("m"))
    assert kept is not None
    assert kept.wanted


@pytest.mark.requirement("S1-12", "S1-14", "S0-8")
async def test_wrong_bytes_are_fetched_three_times_never_built_upon_and_never_visible(
    origin: FaultyOrigin, tmp_path: Path
) -> None:
    journey = Journey(origin, tmp_path, SyntheticContent(MIB, seed=1), promised=SyntheticContent(MIB, seed=2))
    await journey.run()
    assert [seen.range_start for seen in origin.requests] == [None, None, None]
    assert journey.last.state == "failed"
    assert not (tmp_path / "m").exists()
    assert "sha256 is " in journey.last.problem
    assert "expected " in journey.last.problem
    assert len(journey.of(ModelVerificationFailedEvent)) == 3
    assert (tmp_path / "m.partial" / "model.bin.mismatch").stat().st_size == MIB


async def test_bytes_that_go_bad_on_the_way_once_are_fetched_again(
    origin: FaultyOrigin, tmp_path: Path
) -> None:
    journey = Journey(origin, tmp_path, SyntheticContent(MIB))
    real, calls = journey.verify, [0]

    async def spoil_first(request: FilesVerifyRequestEvent) -> FilesVerifiedEvent:
        calls[0] += 1
        if calls[0] == 1:
            with (Path(request.directory) / "model.bin").open("r+b") as file:
                file.write(b"spoilt")
        return await real(request)

    journey.verify = spoil_first  # type: ignore[method-assign]
    await journey.run()
    assert journey.last.state == "installed"
    assert len(origin.requests) == 2
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == [RECORD_NAME, "model.bin"]


async def test_where_pieces_are_known_only_the_bad_ones_are_fetched_again(
    origin: FaultyOrigin, tmp_path: Path
) -> None:
    content = SyntheticContent(4 * MIB)
    journey = Journey(origin, tmp_path, content)
    digests = [
        hashlib.sha256(b"".join(bytes(piece) for piece in content.read(start, start + MIB))).hexdigest()
        for start in range(0, 4 * MIB, MIB)
    ]
    file = msgspec.structs.replace(journey.entry.files[0], pieces=Pieces(size_bytes=MIB, sha256=digests))
    journey.entry = msgspec.structs.replace(journey.entry, files=[file])
    real, calls = journey.verify, [0]

    async def spoil_first(request: FilesVerifyRequestEvent) -> FilesVerifiedEvent:
        calls[0] += 1
        if calls[0] == 1:
            with (Path(request.directory) / "model.bin").open("r+b") as found:
                found.seek(2 * MIB + 5)
                found.write(b"spoilt")
        return await real(request)

    journey.verify = spoil_first  # type: ignore[method-assign]
    await journey.run()
    assert journey.last.state == "installed"
    assert [seen.headers.get("range") for seen in origin.requests] == [None, f"bytes={2 * MIB}-{3 * MIB - 1}"]
    assert journey.of(ModelInstalledEvent)[0].fetched_bytes == 5 * MIB


@pytest.mark.requirement("S1-15")
async def test_server_that_asks_for_time_gets_it(origin: FaultyOrigin, tmp_path: Path) -> None:
    journey = Journey(origin, tmp_path, BytesContent(b"x" * 100))
    origin.misbehave("/m", Faults(times=1, status=429, retry_after="17"))
    await journey.run()
    assert journey.slept == [17.0]
    assert journey.last.state == "installed"


async def test_next_source_is_asked_when_one_does_not_have_the_file(
    origin: FaultyOrigin, tmp_path: Path
) -> None:
    journey = Journey(
        origin, tmp_path, BytesContent(b"x" * 100), urls=[origin.url + "/gone", origin.url + "/m"]
    )
    await journey.run()
    assert [seen.path for seen in origin.requests] == ["/gone", "/m"]
    assert journey.last.state == "installed"


async def test_file_that_no_source_has_is_asked_for_once_at_each(
    origin: FaultyOrigin, tmp_path: Path
) -> None:
    journey = Journey(
        origin, tmp_path, BytesContent(b"x" * 100), urls=[origin.url + "/gone", origin.url + "/lost"]
    )
    await journey.run()
    assert [seen.path for seen in origin.requests] == ["/gone", "/lost"]
    assert journey.last.state == "failed"


async def test_verifier_is_asked_again_until_it_is_there(origin: FaultyOrigin, tmp_path: Path) -> None:
    journey = Journey(origin, tmp_path, BytesContent(b"x" * 100))
    journey.refusals = ["no_responder", "restarting", "died", "deadline", "busy", "restarting"]
    await journey.run()
    assert journey.last.state == "installed"
    assert journey.slept == [0.05, 0.1, 0.25, 0.5, 1.0, 1.0]
    assert len(origin.requests) == 1


async def test_verifier_that_refuses_ends_the_install(origin: FaultyOrigin, tmp_path: Path) -> None:
    journey = Journey(origin, tmp_path, BytesContent(b"x" * 100))
    journey.refusals = ["refused"]
    await journey.run()
    assert journey.last.state == "failed"
    assert "cannot be verified: in a test" in journey.last.problem


@pytest.mark.requirement("S1-32")
async def test_download_that_does_not_fit_is_not_begun(
    origin: FaultyOrigin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journey = Journey(origin, tmp_path, SyntheticContent(MIB))
    monkeypatch.setattr(journey.root, "free_bytes", lambda: MIB)
    await journey.run()
    assert origin.requests == []
    assert journey.last.state == "failed"
    assert "the disk is 33.6 MB short" in journey.last.problem


async def test_file_that_changes_while_it_is_resumed_is_another_attempt(
    origin: FaultyOrigin, tmp_path: Path
) -> None:
    old, new = SyntheticContent(2 * MIB, seed=1), SyntheticContent(2 * MIB, seed=2)
    journey = Journey(origin, tmp_path, old, promised=new)
    origin.misbehave("/m", Faults(times=1, stall_after_bytes=MIB))
    journey.build(stall_seconds=STALL_SECONDS)
    real = journey.sleep

    async def change(seconds: float) -> None:
        origin.serve("/m", new)
        await real(seconds)

    journey.sleep = change  # type: ignore[method-assign]
    await journey.run()
    installed = journey.of(ModelInstalledEvent)[0]
    assert [seen.status for seen in origin.requests] == [200, 200]
    assert (installed.fetched_bytes, installed.attempts) == (3 * MIB, 3)
    per_attempt: dict[int, list[int]] = {}
    for event in journey.of(ModelDownloadProgressedEvent):
        per_attempt.setdefault(event.attempt, []).append(event.durable_bytes)
    assert all(told == sorted(told) for told in per_attempt.values())


async def test_empty_file_needs_no_origin(origin: FaultyOrigin, tmp_path: Path) -> None:
    journey = Journey(origin, tmp_path, BytesContent(b""))
    await journey.run()
    assert journey.last.state == "installed"
    assert (tmp_path / "m" / "model.bin").read_bytes() == b""
    assert origin.requests == []


@pytest.mark.requirement("S1-32")
@pytest.mark.parametrize(
    ("faults", "content", "state"),
    [
        (Faults(), SyntheticContent(8 * MIB), "installed"),
        (Faults(status=404), SyntheticContent(8 * MIB), "failed"),
        (Faults(), SyntheticContent(8 * MIB, seed=1), "failed"),
        (Faults(cut_after_bytes=MIB), SyntheticContent(8 * MIB), "failed"),
    ],
    ids=["success", "404", "mismatch", "network"],
)
async def test_install_that_is_over_reserves_no_space(
    origin: FaultyOrigin, tmp_path: Path, faults: Faults, content: OriginContent, state: str
) -> None:
    journey = Journey(origin, tmp_path, content, promised=SyntheticContent(8 * MIB))
    origin.misbehave("/m", faults)
    await journey.run()
    assert journey.last.state == state
    assert journey.parts.installs.space.reserved_bytes == 0


@pytest.mark.requirement("S1-32")
@pytest.mark.parametrize("end", ["cancel", "pause", "stop"])
async def test_install_that_is_cancelled_gives_its_space_back(
    origin: FaultyOrigin, tmp_path: Path, end: str
) -> None:
    journey = Journey(origin, tmp_path, SyntheticContent(8 * MIB))
    origin.misbehave("/m", Faults(stall_after_bytes=MIB))
    journey.build(stall_seconds=30)
    install = await Install.begin(journey.entry, journey.parts.installs)
    async with anyio.create_task_group() as group:
        group.start_soon(install.run)
        while not 0 < journey.parts.installs.space.reserved_bytes <= 7 * MIB:
            await anyio.sleep(0.01)
        await (install.pause() if end == "pause" else install.stop(forget=end == "cancel"))
    journey.parts.access.close()
    assert journey.parts.installs.space.reserved_bytes == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    small = tmp_path / "small"
    small.mkdir()
    if (
        sys.platform != "linux"
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "tmpfs", str(small)], check=False
        ).returncode
    ):
        pytest.skip("a small disk can be mounted on Linux only, by root")
    yield small
    subprocess.run(["umount", "-l", str(small)], check=True)


@pytest.mark.requirement("S1-32", "S1-37")
async def test_disk_that_fills_up_ends_the_install_at_once_and_says_how_much_is_missing(
    origin: FaultyOrigin, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journey = Journey(origin, small_disk / "models", SyntheticContent(8 * MIB))
    monkeypatch.setattr(
        SpaceReservation, "missing", lambda mine, needed, free: 12345 if origin.requests else 0
    )
    await journey.run()
    assert len(origin.requests) == 1
    assert journey.last.state == "failed"
    assert "No space left on device: 12345 bytes more are needed" in journey.last.problem
    assert (small_disk / "models" / "m.partial" / "model.bin").stat().st_size > 2 * MIB


INSTALLER = """
import asyncio, sys
from pathlib import Path
import msgspec
from actors.model_downloader.installs.install import Install
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.model_downloader.transfer.transfer_limits import TransferLimits
from actors.model_verifier.comparison import compare
from schemas.manifest import ModelEntry
from schemas.models import FilesVerifiedEvent, FilesVerifyRequestEvent, ModelInstalledEvent
from tests.support.downloader_parts import downloader_parts
from tests.support.scripted_peer import ScriptedPeer

async def main():
    async def verify(request):
        verdict = compare({}, Path(request.directory), request.files)
        return FilesVerifiedEvent(
            model_id="m", findings=verdict.findings, hashed_bytes=0, hashed_behind_bytes=0, seconds=0.0
        )
    layout, bus = ModelsLayout(Path(sys.argv[1])), ScriptedPeer()
    layout.prepare()
    bus.answer(FilesVerifyRequestEvent, verify)
    entry = msgspec.json.decode(sys.argv[2], type=ModelEntry)
    parts = downloader_parts(layout, bus, entry, limits=TransferLimits(int(sys.argv[3])))
    install = await Install.begin(entry, parts.installs)
    print("begun", flush=True)
    await install.run()
    for event in bus.published_of(ModelInstalledEvent):
        print("installed", event.fetched_bytes, flush=True)

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.skipif(boot_id() is None, reason="the platform does not name its boots")
@pytest.mark.requirement("C-4", "S1-11", "S1-26", "S1-27")
def test_killed_again_and_again_it_fetches_hardly_anything_twice(
    origin: FaultyOrigin, tmp_path: Path
) -> None:
    """SIGKILL at random places: each next request starts where the file ended."""
    size, chance = 96 * MIB, random.Random(7)
    origin.rate_bytes_per_second = 48 * MIB
    journey = Journey(origin, tmp_path / "models", SyntheticContent(size))
    entry = msgspec.json.encode(journey.entry).decode()
    staged = tmp_path / "models" / "m.partial" / "model.bin"
    command = [sys.executable, "-c", INSTALLER, str(tmp_path / "models"), entry, "1"]
    root = Path(actors.__file__).parents[1]
    for _ in range(6):
        runner = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root)
        assert runner.stdout is not None
        assert runner.stdout.readline() == "begun\n"
        goal = (staged.stat().st_size if staged.exists() else 0) + chance.randrange(2 * MIB, 14 * MIB)
        while not staged.exists() or staged.stat().st_size < goal:
            pass
        runner.send_signal(signal.SIGKILL)
        runner.communicate()
        assert not (tmp_path / "models" / "m").exists()
    last = subprocess.run(command, capture_output=True, text=True, cwd=root, check=True)
    assert "installed" in last.stdout
    starts = [seen.range_start or 0 for seen in origin.requests]
    assert starts == sorted(starts)
    assert len(starts) == 7
    # What was sent beyond the size lay in the socket buffers of a killed process.
    twice = sum(seen.sent_bytes for seen in origin.requests) - size
    print(f"fetched twice: {twice} bytes over 6 kills")
    assert 0 <= twice <= 6 * MIB


@pytest.mark.slow
@pytest.mark.skipif(boot_id() is None, reason="the platform does not name its boots")
@pytest.mark.requirement("C-4", "S1-26")
def test_killed_with_several_connections_it_fetches_less_than_a_mebibyte_of_each_twice(
    origin: FaultyOrigin, tmp_path: Path
) -> None:
    size = 96 * MIB
    origin.rate_bytes_per_second = 8 * MIB
    journey = Journey(origin, tmp_path / "models", SyntheticContent(size))
    command = [
        sys.executable,
        "-c",
        INSTALLER,
        str(tmp_path / "models"),
        msgspec.json.encode(journey.entry).decode(),
        "8",
    ]
    root = Path(actors.__file__).parents[1]
    runner = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root)
    while origin.flowing("/m") < 3 and runner.poll() is None:
        pass
    held = origin.sent_bytes("/m")
    while origin.sent_bytes("/m") < held + 4 * MIB:
        pass
    connections = origin.flowing("/m")
    runner.send_signal(signal.SIGKILL)
    runner.communicate()
    assert connections >= 3
    origin.rate_bytes_per_second = None
    last = subprocess.run(command, capture_output=True, text=True, cwd=root, check=True)
    assert "installed" in last.stdout
    assert (tmp_path / "models" / "m" / "model.bin").stat().st_size == size
    twice = origin.sent_bytes("/m") - size
    print(f"fetched twice: {twice} bytes of {connections} connections")
    assert 0 <= twice < connections * MIB


async def test_an_error_that_nobody_foresaw_ends_the_install_with_its_reason(
    origin: FaultyOrigin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journey = Journey(origin, tmp_path, SyntheticContent(MIB))

    async def fail(*given: object) -> None:
        raise ExceptionGroup("of a task group", [ZeroDivisionError("in a test")])

    monkeypatch.setattr("actors.model_downloader.transfer.transfer.Transfer.fetch_all", fail)
    await journey.run()
    assert (journey.last.state, journey.last.problem_kind) == ("failed", "refused")
    assert journey.last.problem == (
        "m: an error that nobody foresaw ended it (ZeroDivisionError: in a test); report it; "
        "it is not tried again by itself; run 'undercroft models install m' to try again"
    )
