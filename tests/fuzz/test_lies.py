"""A lying server lies the same way for the same seed, in every part of its answers."""

from __future__ import annotations

import urllib.request

from tests.fuzz import lies
from tests.fuzz.lying_door import LyingDoor


def test_the_same_seed_tells_the_same_lies() -> None:
    paths = [f"/api/models/org/voice-{n}" for n in range(50)]
    told = [lies.answer(1, path, 80) for path in paths]
    assert told == [lies.answer(1, path, 80) for path in paths]
    assert told != [lies.answer(2, path, 80) for path in paths]


def test_it_lies_in_status_lines_headers_and_bodies() -> None:
    paths = [f"/{kind}/{n}" for kind in ("api/models/a", "manifests") for n in range(1500)]
    told = [lies.answer(1, path, 80) for path in paths]
    for word in (
        b"Location: ",
        b"WWW-Authenticate: ",
        b"ICY 200",
        b"Content-Range: ",
        b"x" * 70_000,
        b"\x1b[",
    ):
        assert any(word in answer for answer in told), word


def test_the_truth_can_be_fetched() -> None:
    door = LyingDoor(1)
    with urllib.request.urlopen(f"{door.url}{lies.TRUE_PATH}x") as answer:
        assert answer.read() == lies.BODY
    door.close()
    assert door.told == 1
