"""The first free name is found, taken ones are listed in order, look-alikes do not count."""

from __future__ import annotations

import itertools
from pathlib import Path

from actors.shared.durable.numbered_name import candidates, first_free, taken


def test_candidates_count_from_two_and_never_end() -> None:
    names = [path.name for path in itertools.islice(candidates(Path("d/a.bak")), 4)]
    assert names == ["a.bak", "a.bak.2", "a.bak.3", "a.bak.4"]


def test_a_free_name_stays_as_it_is(tmp_path: Path) -> None:
    assert first_free(tmp_path / "a") == tmp_path / "a"


def test_the_first_gap_is_free(tmp_path: Path) -> None:
    for name in ("a", "a.2", "a.4"):
        (tmp_path / name).mkdir()
    assert first_free(tmp_path / "a") == tmp_path / "a.3"


def test_a_broken_link_takes_its_name(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "nowhere")
    assert first_free(tmp_path / "a") == tmp_path / "a.2"


def test_taken_names_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("a.10", "a.2", "a", "a.x", "a.", "a2", "b", "b.2", "a.2.3"):
        (tmp_path / name).touch()
    assert [path.name for path in taken(tmp_path / "a")] == ["a", "a.2", "a.10"]


def test_without_the_directory_nothing_is_taken(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert taken(tmp_path / "absent" / "a") == []
    assert taken(tmp_path / "file" / "a") == []
