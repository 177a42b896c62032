"""Origins that misbehave, one case each: a whole verified file, or a named error and the partial as it was.

Each case runs with one connection and with several, for a file that is begun and for one that goes on from
its middle.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from functools import cached_property
from pathlib import Path
from typing import Any

import anyio.lowlevel
import pytest

from actors.model_downloader.downloader_settings import DownloaderSettings
from actors.model_downloader.installs.install import Install
from actors.model_downloader.installs.source_access import SourceAccess
from actors.model_downloader.staging import staged_file as staged_file_module
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.model_downloader.staging.staging_journal import read_journal
from actors.model_downloader.transfer import part_scheduler, worker_pool
from actors.model_downloader.transfer.concurrency import Concurrency
from actors.model_downloader.transfer.http.http_client import HttpClient
from actors.model_downloader.transfer.transfer_limits import TransferLimits
from actors.model_verifier.comparison import compare
from actors.shared.credentials import EnvironmentTokens, TokenProvider
from actors.shared.credentials.tls_trust import DIRECTORY_VARIABLE, FILE_VARIABLES
from schemas.manifest import FilePromise, ModelEntry
from schemas.models import FilesVerifiedEvent, FilesVerifyRequestEvent, ModelStateChangedEvent, ModelStatus
from tests.support.downloader_parts import DownloaderParts, downloader_parts
from tests.support.faulty_origin import FaultyOrigin
from tests.support.http_servers import private_ca, running_site
from tests.support.origin_content import BytesContent, OriginContent, SyntheticContent, sha256_of
from tests.support.origin_faults import Faults
from tests.support.scripted_peer import ScriptedPeer

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("S1-14", "S1-15", "S1-27", "S1-28", "S1-29")]

KIB = 1024
SIZE = 768 * KIB
PATIENT_SECONDS = 60.0
"""How long a connection may bring nothing where none of the cases stalls: a busy machine is not an outage."""
STALL_SECONDS = 1.0
"""The same where one stalls and the install is to go on."""
HASTY_SECONDS = 0.2
"""The same where the install is to fail, so that one stall more or less changes nothing."""
RATE_BYTES_PER_SECOND = 16.0 * KIB * KIB
"""Slow enough that several connections are at work together."""

WHOLE = SyntheticContent(SIZE)
BODY = b"".join(bytes(chunk) for chunk in WHOLE.read(0, SIZE))
CUT = 100 * KIB


class EagerConcurrency(Concurrency):
    """Has as many connections as it may from the start."""

    def __init__(self, now: float, most: int, missing_bytes: list[int]) -> None:
        super().__init__(now, most, missing_bytes)
        self.wanted = most

    def observe(self, now: float, fetched_bytes: int, connections: int, left_bytes: int) -> int:
        return self.wanted


class Trial:
    """An install of a model of one file from a hostile origin, whose waiting time passes at once."""

    def __init__(self, origin: FaultyOrigin, models: Path, streams: int, url: str = "") -> None:
        self.origin = origin
        self.root = ModelsLayout(models)
        self.root.prepare()
        self.url = url or origin.serve("/m", WHOLE)
        file = FilePromise(path="model.bin", size_bytes=SIZE, sha256=sha256_of(WHOLE), urls=[self.url])
        self.entry = ModelEntry(id="m", name="M", category="stt", licence="MIT", files=[file])
        self.slept: list[float] = []
        self.streams = streams
        self.tokens: TokenProvider | None = None
        self.now = 1_700_000_000.0
        self.stall_seconds = PATIENT_SECONDS
        self.on_verify: Callable[[Path], None] = lambda directory: None
        self.bus = ScriptedPeer()
        self.bus.answer(FilesVerifyRequestEvent, self.verify)

    @cached_property
    def parts(self) -> DownloaderParts:
        """Wired when the first install begins, with the tokens that are known by then."""
        client = HttpClient(self.stall_seconds, self.headers)
        return downloader_parts(
            self.root,
            self.bus,
            self.entry,
            access=SourceAccess(DownloaderSettings(), tokens=self.tokens, client=client),
            limits=TransferLimits(self.streams),
            sleep=self.sleep,
            now=lambda: self.now,
        )

    def headers(self, url: str, asked_first: str) -> dict[str, str]:
        return self.tokens.headers(url, asked_first=asked_first) if self.tokens else {}

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await anyio.lowlevel.checkpoint()

    async def verify(self, request: FilesVerifyRequestEvent) -> FilesVerifiedEvent:
        self.on_verify(Path(request.directory))
        verdict = compare({}, Path(request.directory), request.files)
        return FilesVerifiedEvent(
            model_id="m", findings=verdict.findings, hashed_bytes=0, hashed_behind_bytes=0, seconds=0.0
        )

    def begun(self, have: int, validator: str | None) -> None:
        """Leave a partial, as an earlier life of the downloader would have."""
        journal = self.root.open_staging(self.entry)
        self.staged.write_bytes(BODY[:have])
        journal.change_file("model.bin", durable_bytes=have, validator=validator, url=self.url)
        journal.save()

    async def run(self) -> ModelStatus:
        install = await Install.begin(self.entry, self.parts.installs)
        await install.run()
        return self.bus.published_of(ModelStateChangedEvent)[-1].status

    def close(self) -> None:
        self.parts.access.close()

    @property
    def staged(self) -> Path:
        return self.root.staged_file("m", self.entry.files[0]).path

    @property
    def installed(self) -> bytes:
        return (self.root.installed("m").path / "model.bin").read_bytes()

    def partial_is_intact(self) -> int:
        """How many bytes of the file are there, each of which is what was promised."""
        journal = read_journal(self.root.staging("m"))
        assert journal is not None
        assert not self.root.installed("m").is_there()
        ranges = journal.files[0].durable_ranges
        found = self.staged.read_bytes() if ranges else b""
        assert all(found[start:end] == BODY[start:end] for start, end in ranges)
        return journal.durable_bytes


@pytest.fixture(params=[1, 4], ids=["one connection", "several connections"])
def streams(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many connections work at once; parts are small, so that a small file has several."""
    monkeypatch.setattr(part_scheduler, "PART_LEAST_BYTES", 128 * KIB)
    monkeypatch.setattr(part_scheduler, "SPLIT_LEAST_BYTES", 64 * KIB)
    monkeypatch.setattr(worker_pool, "Concurrency", EagerConcurrency)
    streams: int = request.param
    return streams


@pytest.fixture(scope="module")
def server() -> Iterator[FaultyOrigin]:
    with FaultyOrigin() as found:
        yield found


@pytest.fixture
def origin(server: FaultyOrigin) -> FaultyOrigin:
    """One server for all cases, which knows nothing of those before."""
    server.forget()
    return server


@pytest.fixture
def trial(origin: FaultyOrigin, tmp_path: Path, streams: int) -> Iterator[Trial]:
    origin.rate_bytes_per_second = None if streams == 1 else RATE_BYTES_PER_SECOND
    found = Trial(origin, tmp_path / "models", streams)
    yield found
    found.close()


@dataclass(frozen=True)
class Case:
    """One way to misbehave, and what has to come of it.

    Attributes:
        kind: `problem_kind` of the state `failed`; empty: the file is installed.
        words: what the message says, as one of these.
        keeps: whether what was there before is kept when it fails.
        have: how much is there at the start, in KiB; None: once nothing, once a half.
        stall_seconds: how long a connection may bring nothing.
    """

    name: str
    faults: Faults
    kind: str = ""
    words: tuple[str, ...] = ()
    keeps: bool = True
    have: tuple[int, ...] = (0, 384)
    others: dict[str, Faults] = field(default_factory=dict)
    content: OriginContent = WHOLE
    stall_seconds: float = PATIENT_SECONDS


CASES = [
    Case("ignores Range", Faults(no_ranges=True)),
    Case("Content-Range starts elsewhere", Faults(shift_content_range=1)),
    Case("Content-Range ends elsewhere", Faults(shift_content_range_end=1)),
    Case("Content-Range tells of another length", Faults(shift_content_range_total=1)),
    Case("416 once", Faults(times=1, status=416), have=(384,)),
    Case("weak ETag", Faults(weak_etag=True)),
    Case("weak ETag and a cut", Faults(times=1, weak_etag=True, cut_after_bytes=CUT)),
    Case("no validator", Faults(no_validator=True)),
    Case("no validator and a cut", Faults(times=1, no_validator=True, cut_after_bytes=CUT)),
    Case("If-Range refused but Range served", Faults(full_on_if_range=True)),
    Case("gzip although refused", Faults(content_encoding="gzip"), "refused", ("'gzip'",)),
    Case(
        "more bytes than promised, and says so",
        Faults(no_ranges=True, surplus_bytes=9),
        "refused",
        ("has 786441 bytes",),
        have=(0,),
    ),
    Case("more bytes than the range has", Faults(surplus_bytes=9), have=(384,)),
    Case("more bytes than anybody said", Faults(chunked=True, surplus_bytes=9)),
    Case(
        "fewer bytes, and says so",
        Faults(),
        "refused",
        ("the manifest is out of date",),
        have=(0,),
        content=BytesContent(BODY[:-9]),
    ),
    Case(
        "fewer bytes than it says",
        Faults(times=1, no_ranges=True, lie_bytes=9),
        "refused",
        ("has 786441 bytes",),
        have=(0,),
    ),
    Case("chunks, and one that is missing", Faults(times=1, chunked=True, cut_after_bytes=CUT)),
    Case(
        "chunks are cut every time",
        Faults(chunked=True, no_ranges=True, cut_after_bytes=CUT),
        "network",
        ("interrupted", "transfer ended"),
        False,
    ),
    Case("stalls twice", Faults(times=2, stall_after_bytes=CUT), stall_seconds=STALL_SECONDS),
    Case(
        "stalls before the first byte",
        Faults(stall_after_bytes=0),
        "network",
        ("no byte came for too long",),
        stall_seconds=HASTY_SECONDS,
    ),
    Case("drips", Faults(times=1, drip_after_bytes=CUT), stall_seconds=STALL_SECONDS),
    Case(
        "drips for ever",
        Faults(drip_after_bytes=0),
        "network",
        ("bytes came in", "no byte came for too long"),
        stall_seconds=HASTY_SECONDS,
    ),
    Case("resets at a byte, thrice", Faults(times=3, cut_after_bytes=CUT)),
    Case("429 with seconds", Faults(times=1, status=429, retry_after="7")),
    Case(
        "503 with a date", Faults(times=1, status=503, retry_after=formatdate(1_700_000_011.0, usegmt=True))
    ),
    Case("503 for hours", Faults(status=503, retry_after="7200"), "server", ("asks to wait 2.0 hours",)),
    Case("500 for ever", Faults(status=500), "server", ("answered 500", "attempts failed")),
    Case(
        "redirects in a circle",
        Faults(redirect="/n"),
        "refused",
        ("in a circle",),
        others={"/n": Faults(redirect="/m")},
    ),
    Case(
        "leads to an address that has expired",
        Faults(redirect="/n"),
        "server",
        ("may have expired",),
        others={"/n": Faults(status=403)},
    ),
    Case(
        "leads to an address that expires meanwhile",
        Faults(redirect="/n"),
        others={"/n": Faults(times=1, cut_after_bytes=CUT)},
    ),
    Case("HEAD refused", Faults(refuses_head=True)),
    Case("captive portal, for a while", Faults(times=2, portal=True)),
    Case("captive portal", Faults(portal=True), "server", ("sign in to the network",)),
    Case(
        "size lie in the header",
        Faults(no_ranges=True, lie_bytes=-9),
        "refused",
        ("has 786423 bytes, expected 786432",),
        have=(0,),
    ),
    Case("huge headers", Faults(header_count=300), "server", ("more header fields than are read",)),
    Case("gone", Faults(status=404), "refused", ("not there any more",)),
    Case(
        "another file of the same length",
        Faults(),
        "mismatch",
        ("sha256 is",),
        keeps=False,
        content=SyntheticContent(SIZE, seed=9),
    ),
]
TABLE = [
    pytest.param(case, have, id=f"{case.name}, {have} KiB there") for case in CASES for have in case.have
]


@pytest.mark.parametrize(("case", "have_kib"), TABLE)
async def test_origin_that_misbehaves(trial: Trial, case: Case, have_kib: int) -> None:
    have = have_kib * KIB
    trial.stall_seconds = case.stall_seconds
    trial.origin.serve("/m", case.content)
    for path, faults in {"/m": case.faults, **case.others}.items():
        if path != "/m":
            trial.origin.serve(path, case.content)
        trial.origin.misbehave(path, replace(faults))
    if have:
        trial.begun(have, f'"{WHOLE.etag}"')
    status = await trial.run()
    if not case.kind:
        assert status.state == "installed", status.problem
        assert trial.installed == BODY
        assert {seen.method for seen in trial.origin.requests} == {"GET"}
        return
    assert (status.state, status.problem_kind) == ("failed", case.kind), status.problem
    assert any(words in status.problem for words in case.words), status.problem
    assert "run 'undercroft models install m'" in status.problem
    assert trial.partial_is_intact() >= (have if case.keeps else 0)


async def test_complete_partial_is_verified_without_a_request(trial: Trial) -> None:
    trial.origin.misbehave("/m", Faults(status=416))
    trial.begun(SIZE, f'"{WHOLE.etag}"')
    assert (await trial.run()).state == "installed"
    assert trial.origin.requests == []


async def test_file_that_became_another_one_is_fetched_from_its_first_byte(trial: Trial) -> None:
    trial.begun(SIZE // 2, '"an older one"')
    trial.staged.write_bytes(bytes(SIZE // 2))
    assert (await trial.run()).state == "installed"
    assert trial.installed == BODY


class Fickle(SyntheticContent):
    """The same bytes under another ETag for every answer."""

    count = 0

    def __getattribute__(self, name: str) -> Any:
        if name == "etag":
            type(self).count += 1
            return f"fickle-{type(self).count}"
        return super().__getattribute__(name)


async def test_etag_that_is_another_one_every_time_costs_requests_but_mixes_nothing(trial: Trial) -> None:
    trial.origin.serve("/m", Fickle(SIZE))
    trial.origin.misbehave("/m", Faults(times=2, cut_after_bytes=CUT))
    assert (await trial.run()).state == "installed"
    assert trial.installed == BODY


async def test_hash_that_is_wrong_once_is_fetched_again(trial: Trial) -> None:
    spoiled: list[bool] = []

    def spoil(directory: Path) -> None:
        if not spoiled:
            spoiled.append(True)
            with trial.staged.open("r+b") as file:
                file.seek(CUT)
                file.write(b"spoiled")

    trial.on_verify = spoil
    assert (await trial.run()).state == "installed"
    assert trial.installed == BODY
    statuses = [event.status for event in trial.bus.published_of(ModelStateChangedEvent)]
    assert [status.problem_kind for status in statuses if status.problem] == ["mismatch"]


async def test_file_that_is_replaced_under_the_partial_is_found_and_fetched_again(
    trial: Trial, tmp_path: Path
) -> None:
    """Somebody puts another file of the same length under its name, while bytes come in."""
    other = tmp_path / "other"
    other.write_bytes(bytes(SIZE))
    replaced: list[bool] = []

    def put(directory: Path) -> None:
        if not replaced:
            replaced.append(True)
            os.replace(other, trial.staged)

    trial.on_verify = put
    assert (await trial.run()).state == "installed"
    assert trial.installed == BODY


@pytest.mark.parametrize("length", [SIZE // 4, SIZE // 2, SIZE])
async def test_partial_that_is_not_the_one_that_was_left_is_not_built_upon(trial: Trial, length: int) -> None:
    trial.begun(SIZE // 2, f'"{WHOLE.etag}"')
    trial.staged.write_bytes(bytes(length))
    assert (await trial.run()).state == "installed"
    assert trial.installed == BODY


@pytest.mark.requirement("S1-32")
async def test_full_disk_keeps_what_it_took_and_goes_on_once_there_is_room(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = [SIZE // 2]
    write_at = staged_file_module.StagedFile._write_at

    def write(file: staged_file_module.StagedFile, view: memoryview, position: int) -> int:
        room[0] -= len(view)
        if room[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write_at(file, view, position)

    monkeypatch.setattr(staged_file_module.StagedFile, "_write_at", write)
    status = await trial.run()
    assert (status.state, status.problem_kind) == ("failed", "space")
    assert "No space left on device" in status.problem
    kept = trial.partial_is_intact()
    assert kept > 0
    asked = len(trial.origin.requests)
    room[0] = 2 * SIZE
    assert (await trial.run()).state == "installed"
    assert trial.installed == BODY
    assert sum(seen.sent_bytes for seen in trial.origin.requests[asked:]) < SIZE, (
        "what it took is not fetched again"
    )


@pytest.mark.parametrize("back_seconds", [0.0, 86_400.0, -86_400.0], ids=["right", "set back", "set forward"])
async def test_date_of_retry_after_counts_by_the_servers_clock(trial: Trial, back_seconds: float) -> None:
    """Ours may be wrong, or be set back while the date is still to come."""
    import time

    until = formatdate(time.time() + 30, usegmt=True)
    trial.origin.misbehave("/m", Faults(times=1, status=503, retry_after=until))
    trial.now = time.time() - back_seconds
    assert (await trial.run()).state == "installed"
    assert trial.slept
    assert 28 <= trial.slept[0] <= 31


async def test_token_travels_neither_to_another_host_nor_from_https_to_http(
    tmp_path: Path, streams: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, context = private_ca(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    with FaultyOrigin(tls=context) as hub, FaultyOrigin() as plain, FaultyOrigin(tls=context) as other:
        other.serve("/m", WHOLE)
        plain.serve("/m", WHOLE)
        trial = Trial(hub, tmp_path / "models", streams)
        trial.tokens = TokenProvider(EnvironmentTokens.read({"HF_TOKEN": "secret"}, hub=hub.url))
        hub.misbehave("/m", Faults(redirect=plain.url + "/m"))
        status = await trial.run()
        assert (status.state, status.problem_kind) == ("failed", "refused")
        assert "from https to http" in status.problem
        assert plain.requests == []
        hub.misbehave("/m", Faults(redirect=other.url + "/m"))
        assert (await trial.run()).state == "installed"
        assert trial.installed == BODY
        trial.close()
        assert {seen.headers.get("authorization") for seen in hub.requests} == {"Bearer secret"}
        assert {seen.headers.get("authorization") for seen in other.requests} == {None}


@pytest.mark.parametrize("is_trusted", [True, False], ids=["trusted", "not trusted"])
async def test_slow_tls_of_a_private_authority(
    tmp_path: Path, streams: int, monkeypatch: pytest.MonkeyPatch, is_trusted: bool
) -> None:
    authority, context = private_ca(tmp_path)
    for name in (*FILE_VARIABLES, DIRECTORY_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    with FaultyOrigin(tls=context) as origin:
        origin.handshake_delay_seconds = 0.07
        trial = Trial(origin, tmp_path / "models", streams)
        status = await trial.run()
        trial.close()
    if is_trusted:
        assert trial.installed == BODY
        return
    assert (status.state, status.problem_kind) == ("failed", "refused")
    assert "not trusted" in status.problem
    assert "set SSL_CERT_FILE" in status.problem


async def test_tls_that_never_gets_going_is_a_failure_of_the_network(
    tmp_path: Path, streams: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, context = private_ca(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    with FaultyOrigin(tls=context) as origin:
        origin.handshake_delay_seconds = 30.0
        trial = Trial(origin, tmp_path / "models", streams)
        trial.stall_seconds = HASTY_SECONDS
        trial.begun(SIZE // 2, f'"{WHOLE.etag}"')
        status = await trial.run()
        trial.close()
    assert (status.state, status.problem_kind) == ("failed", "network")
    assert "cannot be reached" in status.problem
    assert trial.partial_is_intact() == SIZE // 2


async def test_registry_that_wants_to_know_who_asks_lends_a_token_and_gives_the_blob(
    tmp_path: Path, origin: FaultyOrigin, streams: int
) -> None:
    with running_site() as site:
        from tests.support.http_servers import add_image, add_realm

        add_image(
            site,
            "library/chat",
            "small",
            [("application/vnd.ollama.image.model", BODY, {})],
            realm=add_realm(site),
        )
        trial = Trial(
            origin,
            tmp_path / "models",
            streams,
            url=f"{site.url}/v2/library/chat/blobs/sha256:{sha256_of(WHOLE)}",
        )
        trial.tokens = TokenProvider(EnvironmentTokens.read({}, hub=""))
        status = await trial.run()
        trial.close()
        assert status.state == "installed", status.problem
        assert trial.installed == BODY
        assert [seen.path.split("?")[0] for seen in site.requests].count("/token") == 1
        assert trial.slept == [], "a challenge is no failed attempt"
