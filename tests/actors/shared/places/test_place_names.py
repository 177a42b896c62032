"""Which names from outside name a place below a root, on every platform."""

from __future__ import annotations

import os
import unicodedata
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.shared.places.place_names import (
    PART_LIMIT_BYTES,
    TakenPlaces,
    folded,
    is_device,
    leaves_root,
    part_problem,
    place_problem,
)

UNFIT = [
    "",
    "/etc/passwd",
    "//server/share",
    "..",
    "../up",
    "a/../../up",
    "a/./b",
    "a//b",
    "a/",
    "C:/windows",
    "C:up",
    "\\\\server\\share",
    "a\\..\\b",
    "file.txt:stream",
    "nul",
    "a/NUL.txt",
    "Com1",
    "lpt\u00b9.log",
    "con .txt",
    "conin$",
    "a/trailing.",
    "a/trailing ",
    "a\0b",
    "line\nfeed",
    "a\x7fb",
    "a\u200db",
    "a\u202eb",
    "a\u2028b",
    "half\ud800",
    "JOURNA~1.JSO",
    "x" * (PART_LIMIT_BYTES + 1),
    "é" * (PART_LIMIT_BYTES // 2 + 1),
    "/".join(["long"] * 300),
    "what?",
    "a*b",
    "a|b",
    "<a>",
    '"a"',
]


@pytest.mark.parametrize("name", UNFIT)
def test_a_name_that_means_something_else_somewhere_is_refused(name: str) -> None:
    assert place_problem(name) is not None


@pytest.mark.parametrize(
    "name",
    ["model.gguf", "bin/model.bin", ".hidden", "a b/c", "größe.txt", "日本/語", "a~b", "..a", "console"],
)
def test_an_ordinary_name_is_taken(name: str) -> None:
    assert place_problem(name) is None


def test_one_name_is_not_several() -> None:
    assert part_problem("a/b") == "it holds '/'"


@given(st.text(max_size=40))
def test_what_passes_stays_below_a_root_on_both_kinds_of_platform(name: str) -> None:
    if place_problem(name) is not None:
        return
    for kind, root in ((PurePosixPath, "/root"), (PureWindowsPath, "C:\\root")):
        joined = kind(root) / name
        assert kind(root) in joined.parents
        assert ".." not in joined.parts
        assert joined.anchor == kind(root).anchor
    assert os.path.normpath(name).replace(os.sep, "/") == name


@given(st.text(max_size=40))
def test_what_passes_leaves_no_directory(name: str) -> None:
    if place_problem(name) is None:
        assert not any(leaves_root(part) for part in name.split("/"))


def test_a_device_is_one_in_any_case_and_with_any_ending() -> None:
    assert is_device("Aux")
    assert is_device("com1.tar.gz")
    assert not is_device("com")


@given(st.text(max_size=20))
def test_folding_does_not_depend_on_case_or_unicode_form(text: str) -> None:
    assert folded(unicodedata.normalize("NFD", text)) == folded(unicodedata.normalize("NFC", text))
    assert folded(folded(text)) == folded(text)


@pytest.mark.parametrize("twin", ["MODEL.bin", "model.bin", "Model.BIN"])
def test_two_names_that_some_disk_takes_for_one_collide(twin: str) -> None:
    taken = TakenPlaces(["model.bin"])
    assert taken.problem(twin) == "its name is taken by another file, at least where case does not count"


def test_twins_in_unicode_collide() -> None:
    taken = TakenPlaces()
    assert taken.problem("caf\u00e9/x") is None
    assert taken.problem("cafe\u0301/X") is not None


def test_a_file_is_no_directory_and_a_directory_no_file() -> None:
    taken = TakenPlaces(["a/b"])
    assert taken.problem("A") == "its name is taken by a file and a directory"
    assert taken.problem("a/B/c") == "its name is taken by a file and a directory"
    assert taken.problem("a/c") is None
