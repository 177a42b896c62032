"""Each reason why a directory cannot be used has its own kind and sentence, and offers what can be done."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.locations.directory_rules import (
    LITTLE_BYTES,
    RESERVE_BYTES,
    busy,
    effect_of,
    held,
    invalid_choice,
    is_within,
    judge_overlap,
    judge_place,
    judge_room,
    judge_space,
    judge_text,
    set_by_variable,
)
from actors.locations.observed_directory import ObservedDirectory
from schemas.paths import Category

THERE = ObservedDirectory(
    path=Path("/big/models"),
    real=Path("/big/models"),
    kind="directory",
    is_empty=False,
    nearest=Path("/big/models"),
    is_reachable=True,
    may_write=True,
    mount=Path("/"),
    free_bytes=10**12,
)
MISSING = replace(THERE, kind="missing", is_empty=True, nearest=Path("/big"))
HOME: dict[Category, Path] = {
    "config": Path("/u/.config/app"),
    "state": Path("/u/.local/state/app"),
    "logs": Path("/u/.local/state/app-logs"),
    "models": Path("/u/.cache/app/models"),
    "tools": Path("/u/.local/share/app/tools"),
    "workspace": Path("/u/.local/share/app/workspace"),
}


def others(category: Category) -> dict[Category, Path]:
    return {key: value for key, value in HOME.items() if key != category}


def kinds(problems: list[object]) -> list[str]:
    return [problem.kind for problem in problems]  # type: ignore[attr-defined]  # problems of the contract


def test_a_directory_that_is_there_and_can_be_written_to_is_well() -> None:
    assert judge_place("models", THERE, "", is_chosen=True) == []


@pytest.mark.requirement("S1-20")
def test_a_missing_directory_is_offered_to_be_created_first_of_all() -> None:
    (problem,) = judge_place("models", MISSING, "", is_chosen=True)
    assert (problem.kind, problem.offers[0], problem.path) == ("missing", "create", "/big/models")
    assert "create it" in problem.message


def test_a_default_that_was_not_created_yet_is_well() -> None:
    assert judge_place("models", MISSING, "", is_chosen=False) == []


@pytest.mark.requirement("S1-2")
def test_a_directory_whose_drive_is_not_there_is_not_offered_to_be_created() -> None:
    (problem,) = judge_place("models", replace(MISSING, mount=Path("/")), "/media/u/usb", is_chosen=True)
    assert (problem.kind, problem.offers) == ("removed_drive", ["connect", "choose", "reset"])
    assert "/media/u/usb" in problem.message


def test_an_empty_mount_point_is_a_drive_that_is_not_there() -> None:
    empty = replace(THERE, is_empty=True, mount=Path("/"))
    assert kinds(judge_place("models", empty, "/mnt/disk", is_chosen=True)) == ["removed_drive"]  # type: ignore[arg-type]
    assert judge_place("models", replace(empty, mount=Path("/mnt/disk")), "/mnt/disk", is_chosen=True) == []


@pytest.mark.parametrize("path", ["/media/u/usb/models", "/run/media/u/usb", "/Volumes/USB/a/b"])
def test_where_drives_come_and_go_a_missing_one_is_seen_without_any_memory_of_it(path: str) -> None:
    gone = replace(MISSING, path=Path(path), real=Path(path), nearest=Path("/media"), mount=Path("/"))
    (problem,) = judge_place("models", gone, "", is_chosen=True)
    assert problem.kind == "removed_drive"


def test_a_missing_directory_on_a_drive_that_is_there_is_only_missing() -> None:
    path = Path("/media/u/usb/models")
    there = replace(MISSING, path=path, real=path, nearest=path.parent, mount=path.parent)
    (problem,) = judge_place("models", there, "/media/u/usb", is_chosen=True)
    assert problem.kind == "missing"


def test_a_drive_of_windows_that_is_not_there_is_a_removed_one() -> None:
    (problem,) = judge_place(
        "models", replace(MISSING, is_reachable=False, may_write=False, free_bytes=None), "", is_chosen=True
    )
    assert problem.kind == "removed_drive"


def test_what_cannot_be_written_to_says_which_directory_it_is() -> None:
    (problem,) = judge_place("models", replace(THERE, may_write=False), "", is_chosen=True)
    assert (problem.kind, "cannot write to it" in problem.message) == ("not_writable", True)
    (problem,) = judge_place("models", replace(MISSING, may_write=False), "", is_chosen=True)
    assert (problem.kind, "cannot write to /big" in problem.message) == ("not_writable", True)


def test_a_file_is_no_directory() -> None:
    (problem,) = judge_place("logs", replace(THERE, kind="other"), "", is_chosen=False)
    assert problem.kind == "not_a_directory"


def test_a_relative_path_and_a_zero_byte_are_refused_without_looking() -> None:
    assert judge_text("models", "models")[0].kind == "relative"
    assert judge_text("models", "/a\0b")[0].kind == "not_a_directory"
    assert judge_text("root", "/big") == []
    assert judge_text("root", "~/big") == []


@pytest.mark.requirement("S1-22")
@pytest.mark.parametrize(
    "path",
    ["/u/.config/app", "/u/.config/app/models", "/u/.local/state/app/m", "/u/.local/share/app/workspace/m"],
)
def test_models_never_lie_in_user_data(path: str) -> None:
    (problem,) = judge_overlap("models", Path(path), others("models"))
    assert problem.kind == "user_data"


@pytest.mark.requirement("S1-22")
def test_models_do_not_lie_in_the_platforms_user_data_either() -> None:
    (problem,) = judge_overlap(
        "models", Path("/u/.local/share/app/models"), others("models"), (Path("/u/.local/share/app"),)
    )
    assert problem.kind == "user_data"


@pytest.mark.requirement("S1-22")
@pytest.mark.parametrize(
    ("category", "path", "words"),
    [
        ("logs", "/u/.cache/app/models", "it is already the directory of models"),
        ("tools", "/u/.cache/app/models/tools", "it is inside /u/.cache/app/models, the directory of models"),
        ("models", "/u", "it contains /u/.config/app, the directory of config"),
        ("models", "/u/.local/share/app/tools", "it is already the directory of tools"),
    ],
)
def test_every_category_keeps_to_itself(category: Category, path: str, words: str) -> None:
    (problem,) = judge_overlap(category, Path(path), others(category))
    assert problem.kind == "nested"
    assert words in problem.message


def test_the_defaults_keep_to_themselves() -> None:
    assert all(judge_overlap(category, path, others(category)) == [] for category, path in HOME.items())


def test_what_does_not_fit_says_how_much_is_lacking() -> None:
    (problem,) = judge_space("models", "/big", 1000, 1000)
    assert problem.kind == "space"
    assert "copying needs 1.0 kB and 67.1 MB to spare, but 1.0 kB are free; free another 67.2 MB" in (
        problem.message
    )
    assert judge_space("models", "/big", 1000, 1000 + RESERVE_BYTES) == []
    assert judge_space("models", "/big", 0, 0) == []
    assert judge_space("models", "/big", 1000, None) == []


def test_only_models_move_while_the_runtime_is_up() -> None:
    assert [category for category in HOME if effect_of(category) == "now"] == ["models"]


def test_every_problem_names_category_and_path_and_offers_something() -> None:
    for problem in (
        invalid_choice("models", "/m", "it is relative"),
        set_by_variable("models", "/m", "UNDERCROFT_MODELS"),
        busy("models", "/m", "later"),
        held("models", "/m", "no"),
    ):
        assert problem.message.startswith("models: /m: ")
        assert problem.offers


paths = st.lists(st.sampled_from("abc"), max_size=4).map(lambda parts: Path("/", *parts))


@given(paths, paths)
def test_two_places_are_apart_exactly_if_neither_is_within_the_other(one: Path, two: Path) -> None:
    apart = judge_overlap("tools", one, {"logs": two}) == []
    assert apart == (not is_within(one, two) and not is_within(two, one))


@pytest.mark.parametrize(
    ("free_bytes", "severity"),
    [
        (None, None),
        (0, "error"),
        (RESERVE_BYTES, "warning"),
        (LITTLE_BYTES - 1, "warning"),
        (LITTLE_BYTES, None),
    ],
)
def test_a_disk_that_fills_up_is_told_before_it_is_full(free_bytes: int | None, severity: str | None) -> None:
    assert judge_room(free_bytes) == severity


@pytest.mark.parametrize("category", ["config", "state", "logs", "models"])
def test_a_directory_that_others_may_write_to_is_no_place_for_our_files(category: Category) -> None:
    shared = replace(THERE, shared="every user may write to it; run: chmod go-w /x")
    (problem,) = judge_place(category, shared, "", is_chosen=True)
    assert (problem.kind, problem.offers) == ("shared", ["choose", "reset"])
    assert "run: chmod go-w /x" in problem.message


@pytest.mark.parametrize("category", ["tools", "workspace"])
def test_tools_and_workspace_may_be_shared(category: Category) -> None:
    assert judge_place(category, replace(THERE, shared="a team writes there"), "", is_chosen=True) == []
