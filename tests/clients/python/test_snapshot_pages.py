"""Pages of one answer are put together, as of the first one."""

from __future__ import annotations

from typing import Any

import msgspec

from undercroft_client.ordering import Run
from undercroft_client.snapshot_pages import SnapshotPages


def page(epoch: str, sequence: int, heads: dict[str, int], following: int, *places: int) -> list[bytes]:
    """A page with retained events at these places of the one order."""
    frames = [b"SNAPSHOT", msgspec.msgpack.encode([1, epoch, sequence, heads, following])]
    for place in places:
        run: list[Any] = [epoch, place, place, 1, 0, "publisher", "instance", place, "key", None]
        frames += [b"app.state", msgspec.msgpack.encode(run), b"\x91\x80"]
    return frames


def places(pages: SnapshotPages) -> list[int]:
    return [run.sequence for _, run, _ in pages.retained]


def test_one_page_is_complete_at_once() -> None:
    pages = SnapshotPages()
    pages.add(page("e1", 5, {"app.state": 3}, 0, 1, 3))
    assert pages.is_complete
    assert (pages.epoch, pages.heads, places(pages)) == ("e1", {"app.state": 3}, [1, 3])
    assert isinstance(pages.retained[0][1], Run)


def test_later_pages_add_what_is_not_newer_than_the_first_one() -> None:
    pages = SnapshotPages()
    pages.add(page("e1", 5, {"app.state": 5}, 2, 1, 2))
    assert (pages.is_complete, pages.after) == (False, 2)
    pages.add(page("e1", 9, {}, 7, 4, 7))
    pages.add(page("e1", 9, {}, 0, 8))
    assert pages.is_complete
    assert (pages.heads, places(pages)) == ({"app.state": 5}, [1, 2, 4])


def test_a_page_of_another_epoch_begins_everything_anew() -> None:
    pages = SnapshotPages()
    pages.add(page("e1", 5, {"app.state": 5}, 2, 1))
    pages.add(page("e2", 1, {}, 0, 1))
    assert (pages.is_complete, pages.after, places(pages)) == (False, 0, [])
    pages.add(page("e2", 1, {"app.state": 1}, 0, 1))
    assert (pages.is_complete, pages.epoch, places(pages)) == (True, "e2", [1])
