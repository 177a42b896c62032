"""The verifier is given the time that its disk needs, and is asked again only where that makes sense."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.model_downloader.staging.revisions import InstalledFile, record_of
from actors.model_downloader.verifier_client import (
    VERIFY_BASE_SECONDS,
    VERIFY_BYTES_PER_SECOND,
    VERIFY_IDLE_SECONDS,
    VerifierClient,
    question_about,
    timeout_seconds_of,
)
from bus.errors import FailureKind, Refused, RequestFailed
from schemas.manifest import FilePromise, ModelEntry, Unpack
from schemas.models import FilesVerifiedEvent, FilesVerifyRequestEvent
from tests.support.scripted_peer import ScriptedPeer

pytestmark = pytest.mark.anyio
URLS = ["https://models.example/f"]
FILES = [
    FilePromise(path="f", size_bytes=10 * VERIFY_BYTES_PER_SECOND, sha256="0" * 64, urls=URLS),
    FilePromise(path="all.zip", size_bytes=5, sha256="1" * 64, urls=URLS, unpack=Unpack(format="zip")),
]
ENTRY = ModelEntry(id="m", name="M", category="stt", licence="MIT", files=FILES)
QUESTION = question_about(ENTRY, Path("/models/m"), None)


class Verifier:
    """Fails in these ways, then finds nothing wrong."""

    def __init__(self, *failures: FailureKind) -> None:
        self.bus = ScriptedPeer()
        self.slept: list[float] = []
        self.failures = list(failures)
        self.bus.answer(FilesVerifyRequestEvent, self.verify)
        self.client = VerifierClient(self.bus.as_peer, self.sleep)

    async def verify(self, request: FilesVerifyRequestEvent) -> FilesVerifiedEvent:
        if self.failures:
            raise RequestFailed(self.failures.pop(0), "in a test")
        return FilesVerifiedEvent(
            model_id=request.model_id, findings=[], hashed_bytes=0, hashed_behind_bytes=0, seconds=0.0
        )

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


async def test_verifier_that_is_away_is_asked_again_and_one_that_refuses_is_not() -> None:
    verifier = Verifier("no_responder", "died", "deadline")
    assert (await verifier.client.verify_until_answered(QUESTION)).findings == []
    assert verifier.slept == [0.05, 0.1, 0.25]
    with pytest.raises(RequestFailed, match="in a test"):
        await Verifier("restarting", "refused").client.verify_until_answered(QUESTION)


async def test_request_that_is_being_served_is_refused_while_the_verifier_is_away() -> None:
    verifier = Verifier("restarting")
    with pytest.raises(Refused, match=r"m: the verifier cannot answer now \(restarting\)"):
        await verifier.client.verify_or_refuse(QUESTION)
    assert verifier.slept == []
    assert (await verifier.client.verify_or_refuse(QUESTION)).model_id == "m"


def test_answer_may_take_as_long_as_a_slow_disk_needs_and_a_night_when_idle() -> None:
    assert timeout_seconds_of(QUESTION) == VERIFY_BASE_SECONDS + 10
    idle = question_about(ENTRY, Path("/models/m"), None, idle=True)
    assert timeout_seconds_of(idle) == VERIFY_IDLE_SECONDS


def test_question_names_what_the_record_says_or_what_the_manifest_wants_but_no_archive() -> None:
    assert [file.path for file in QUESTION.files] == ["f"]
    member = InstalledFile(path="weights", size_bytes=3, sha256="2" * 64)
    record = record_of(ENTRY, {"all.zip": [member]}, 1)
    asked = question_about(ENTRY, Path("/models/m"), record, trust_records=True)
    assert [(file.path, file.size_bytes) for file in asked.files] == [
        ("f", FILES[0].size_bytes),
        ("weights", 3),
    ]
    assert asked.trust_records
