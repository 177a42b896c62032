"""Where members go: below the directory, each under a name of its own, whatever an archive calls them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model_downloader.staging.archives.member_paths import MemberPaths, MemberUnfit
from schemas.manifest import Unpack


def paths(*taken: str, strip: int = 0, into: str = "") -> MemberPaths:
    return MemberPaths(Unpack(format="tar", strip=strip, into=into), taken)


def test_first_parts_are_stripped_and_the_rest_goes_into_a_directory() -> None:
    found = paths(strip=1, into="data")
    assert found.place("model/sub/a.bin", is_directory=False) == "data/sub/a.bin"
    assert found.place("model", is_directory=False) is None, "nothing is left of it"
    assert found.place("./model/./b", is_directory=False) == "data/b"


def test_directory_takes_no_name() -> None:
    found = paths()
    assert found.place("model/", is_directory=True) is None
    assert found.place("model", is_directory=False) == "model"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("/a", "absolute"),
        ("a/../b", "leaves the directory"),
        ("ab/" * 70 + "c", "longer than 200 characters"),
        ("TAKEN", "taken by another file"),
        ("taken/x", "taken by a file and a directory"),
        (".undercroft.json", ""),
    ],
)
def test_unfit_name_is_refused_with_a_reason(name: str, reason: str) -> None:
    with pytest.raises(MemberUnfit) as caught:
        paths("taken").place(name, is_directory=False)
    assert caught.value.member == name
    assert reason in caught.value.reason


@given(st.text(max_size=30), st.integers(0, 2))
def test_no_name_leads_out_of_the_directory(name: str, strip: int) -> None:
    try:
        place = paths(strip=strip).place(name, is_directory=False)
    except MemberUnfit:
        return
    assert place is None or not ({"", ".", ".."} & set(place.split("/")))
