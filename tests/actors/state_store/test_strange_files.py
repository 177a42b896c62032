"""Whatever lies in the home of the state store, of whatever age or origin, costs at most itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.state_home import VALUES, StateHomes, serve
from tests.support.strange_files import (
    DIRECTORY_MUTATIONS,
    FILE_MUTATIONS,
    Mutation,
    directories_below,
    files_below,
)

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

MUTATIONS = [one for one in FILE_MUTATIONS if one.name != "unreadable" or os.geteuid()]
MADE_ANEW = (".undercroft.holder.json", ".undercroft.lock", ".lock")
"""Notes of a process that runs: the next one writes its own."""

TORN = ("empty", "one byte", "half of it", "all but the last byte", "nulls", "nulls behind it")
"""What a crash may leave of a log: what is torn was never acknowledged, and goes."""


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> StateHomes:
    return StateHomes.made(tmp_path_factory.mktemp("homes"))


def _files(home: Path) -> list[str]:
    return [str(path.relative_to(home)) for path in files_below(home)]


def _kinds(home: Path) -> Iterator[str]:
    """The files of a home, one of each kind: of several that are read alike the first."""
    seen = set()
    for relative in _files(home):
        place = relative.rpartition("/")[0]
        kind = place if place.startswith("state/store/backups/auto") else relative
        if kind not in seen and not relative.endswith(MADE_ANEW):
            seen.add(kind)
            yield relative


async def _cost_of(
    mutation: Mutation, relative: str, source: Path, homes: StateHomes, place: Path, patch: pytest.MonkeyPatch
) -> set[str]:
    """Leave something in the place of a file; returns the keys whose values are lost.

    Asserts that the store serves, that what is harmful was told, and that it is kept under another name.
    """
    place.mkdir()
    home = homes.spoiled(source, place, patch)
    trace = mutation.leave(home / relative)
    served = await serve(home, homes.profile)
    is_torn = mutation.name in TORN and ("/audit/" in relative or "/.journal/" in relative)
    if served.lost or (served.told and not is_torn):
        assert served.told, f"{relative}: {mutation.name}: {served.lost} are lost, and nobody says so"
        assert trace.is_kept(home), f"{relative}: {mutation.name}: {served.told}"
    return served.lost


@pytest.mark.requirement("S3-19")
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.name)
async def test_a_store_serves_where_every_file_is_something_else(
    mutation: Mutation, homes: StateHomes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = homes.spoiled(homes.killed, tmp_path, monkeypatch)
    for path in files_below(home):
        mutation.leave(path)
    served = await serve(home, homes.profile)
    assert served.told or not served.lost


async def test_each_file_costs_at_most_itself_whatever_lies_in_its_place(
    homes: StateHomes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One mutation of each file; the slow test leaves all of them."""
    for number, relative in enumerate(_files(homes.closed)):
        if relative.endswith(MADE_ANEW):
            continue
        mutation = MUTATIONS[(7 * number) % len(MUTATIONS)]
        lost = await _cost_of(mutation, relative, homes.closed, homes, tmp_path / str(number), monkeypatch)
        assert lost == set(), f"{relative}: {mutation.name}: a backup has a good copy of each value"


@pytest.mark.slow
async def test_each_kind_of_file_costs_at_most_itself_whatever_lies_in_its_place(
    homes: StateHomes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, relative in enumerate(_kinds(homes.closed)):
        for mutation in MUTATIONS[number % 2 :: 2]:  # the other half is left in the place of the next kind
            place = tmp_path / f"{number}-{MUTATIONS.index(mutation)}"
            lost = await _cost_of(mutation, relative, homes.closed, homes, place, monkeypatch)
            is_later = mutation.name == "of a later version"
            assert lost == set() or is_later, f"{relative}: {mutation.name}: a backup has a good copy"


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.name)
async def test_a_segment_of_the_journal_costs_at_most_itself(
    mutation: Mutation, homes: StateHomes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (relative,) = [name for name in _files(homes.killed) if "/.journal/" in name]
    assert await _cost_of(mutation, relative, homes.killed, homes, tmp_path / "a", monkeypatch) == set()


async def test_what_has_the_name_of_a_directory_is_put_aside_and_told(
    homes: StateHomes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, path in enumerate(directories_below(homes.closed)):
        relative = path.relative_to(homes.closed)
        if str(relative) == "state":
            continue  # the runtime itself makes it, before any actor
        mutation = DIRECTORY_MUTATIONS[number % len(DIRECTORY_MUTATIONS)]
        place = tmp_path / str(number)
        place.mkdir()
        home = homes.spoiled(homes.closed, place, monkeypatch)
        trace = mutation.leave(home / relative)
        served = await serve(home, homes.profile)
        assert trace.is_kept(home), f"{relative}: {mutation.name}"
        within = {key for key in served.lost if _directory_of(key) in ("", relative.name)}
        assert served.lost - within == set() or "keys" in str(relative) or relative.name == "store"
        assert served.told or not served.lost, f"{relative}: {mutation.name}"


def _directory_of(key: str) -> str:
    return key.partition(".")[0] if "." in key else "documents"


async def test_an_unharmed_home_is_read_whole(
    homes: StateHomes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, source in (("a", homes.closed), ("b", homes.killed)):
        (tmp_path / name).mkdir()
        served = await serve(homes.spoiled(source, tmp_path / name, monkeypatch), homes.profile)
        assert (served.lost, served.told) == (set(), []), name
    assert len(VALUES) > 6
