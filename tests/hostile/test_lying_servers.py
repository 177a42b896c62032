"""Whatever a server says, a model is installed with the right bytes, or there is a sentence that names why.

The actors are those of an app, on a bus in memory; the server and its lies are those of
`tests.support.lying_server`. Each lie is added, installed and cleaned up again, so the actors serve after it.
"""

from __future__ import annotations

import itertools
import resource
import sys
from pathlib import Path

import pytest

from actors.model_downloader.installs import install_retry
from tests.support.lie_trials import Trial, lying_lab, try_lie
from tests.support.lies import PROTOCOLS, Lie, Protocol, Role, a_lie_a_field, lies

pytestmark = pytest.mark.anyio
SEED = 20_261_130
FEW = 60
AS_OTHERS: dict[Protocol, tuple[Role, ...]] = {
    "hf": ("file",),
    "manifest": ("file",),
    "ollama": ("blob",),
    "realm": ("image", "blob"),
}
"""Answers of these roles are read as those of `https` and `oci` are."""
MEMORY_LIMIT_BYTES = 256 * 1024 * 1024
"""More than this for answers of a few kilobytes would be a decoder that unpacks what it should not."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(install_retry, "BACKOFF_BASE_SECONDS", 0.001)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("UNDERCROFT_KEYCHAIN", f"file:{tmp_path / 'keychain.json'}")


def peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


async def told(home: Path, wanted: list[Lie] | None = None, protocol: Protocol | None = None) -> list[Trial]:
    """What became of these lies; by default of one for every field of the protocol, or of a few of any."""
    before = peak_bytes()
    async with lying_lab(home) as (lab, server):
        if wanted is None and protocol is not None:
            all_lies = a_lie_a_field(SEED, protocol, server.documents)
            wanted = [
                lie for lie in all_lies if protocol not in AS_OTHERS or lie.role not in AS_OTHERS[protocol]
            ]
        elif wanted is None:
            wanted = list(itertools.islice(lies(SEED, server.documents), FEW))
        trials = [
            await try_lie(lab.client, server, lie, number, lab.models) for number, lie in enumerate(wanted)
        ]
        assert not any(task.done() for _, task in lab.running.values())
    assert [f"{trial.lie}: {trial.end}: {trial.faults}" for trial in trials if trial.faults] == []
    assert peak_bytes() - before < MEMORY_LIMIT_BYTES
    return trials


async def test_a_few_lies_of_every_protocol_harm_nothing(tmp_path: Path) -> None:
    trials = await told(tmp_path)
    assert {trial.lie.protocol for trial in trials} == set(PROTOCOLS)
    assert {trial.end for trial in trials} >= {"installed", "refused"}


@pytest.mark.slow
@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_lie_in_any_field_of_a_protocol_harms_nothing(tmp_path: Path, protocol: Protocol) -> None:
    trials = await told(tmp_path, protocol=protocol)
    assert {trial.end for trial in trials} >= {"installed", "refused"}


HUGE = b"9" * 5000
FILE_LIES = {
    "port 99999999": ("field", b"Location", b"http://127.0.0.1:99999999/x"),
    "port of thousands of digits": ("field", b"Location", b"http://127.0.0.1:" + HUGE),
    "length of thousands of digits": ("field", b"Content-Length", HUGE),
    "patience of thousands of digits": ("field", b"Retry-After", HUGE),
    "date of thousands of digits": ("field", b"Retry-After", b"Thu, 01 Jan " + HUGE + b" 00:00:00 GMT"),
    "interim answers without end": ("pace", "many interim", b""),
    "fields without end": ("pace", "many fields", b""),
    "trailers without end": ("framing", b"", b"0\r\n" + b"X: y\r\n" * 50_000),
    "chunk of thousands of digits": ("framing", b"", b"f" * 5000 + b"\r\n"),
}


@pytest.mark.parametrize("name", FILE_LIES)
async def test_no_answer_leaves_a_download_hanging_or_the_queue_stuck(tmp_path: Path, name: str) -> None:
    kind, field, value = FILE_LIES[name]
    lie = Lie("oci", "blob", kind, field, value)  # type: ignore[arg-type]
    honest = Lie("oci", "blob", "field", b"Link", b"")
    ended, after = await told(tmp_path, [lie, honest])
    assert ended.end in ("failed", "waiting")
    assert after.end == "installed"


@pytest.mark.parametrize("size", [b"18446744073709551616", b"9007199254740993", HUGE, b"-1", b"1e400"])
async def test_a_size_that_no_file_has_is_never_saved(tmp_path: Path, size: bytes) -> None:
    places = ("siblings", 0, "lfs", "size"), ("layers", 0, "size"), ("models", 0, "files", 0, "size_bytes")
    lied = [
        Lie("hf", "hub", "json", places[0], size),
        Lie("oci", "image", "json", places[1], size),
        Lie("manifest", "signed", "json", places[2], size),
    ]
    trials = await told(tmp_path, lied)
    assert [trial.end for trial in trials] == ["refused"] * 3
    assert "size" in trials[0].sentence


async def test_sizes_that_fit_one_by_one_and_not_together_are_refused(tmp_path: Path) -> None:
    size = b"9007199254740992"
    layer = b'{"mediaType": "x", "digest": "sha256:' + b"0" * 64 + b'", "size": ' + size
    title = b', "annotations": {"org.opencontainers.image.title": "%d.bin"}}'
    layers = b"[%b]" % b", ".join(layer + title % number for number in range(2))
    (trial,) = await told(tmp_path, [Lie("oci", "image", "json", ("layers",), layers)])
    assert trial.end == "refused"
    assert "its files have 18014398509481984 bytes, expected at most 9007199254740992" in trial.sentence
