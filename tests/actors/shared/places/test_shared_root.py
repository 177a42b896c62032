"""A directory that others may write to is refused with the command that mends it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from actors.shared.places.shared_root import SharedRoot, check_root, shared_root_words

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")


def test_a_directory_of_our_own_and_one_to_be_made_are_taken(tmp_path: Path) -> None:
    check_root(tmp_path)
    check_root(tmp_path / "models")
    assert shared_root_words(tmp_path) == ""


@pytest.mark.parametrize("mode", [0o777, 0o1777])
def test_a_directory_for_everybody_is_refused_also_with_the_sticky_bit(tmp_path: Path, mode: int) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models").chmod(mode)
    with pytest.raises(SharedRoot, match=r"cannot be trusted; run: chmod go-w .*/models"):
        check_root(tmp_path / "models")
    assert shared_root_words(tmp_path / "models").startswith("every user may write to it")


def test_a_directory_that_others_could_replace_is_refused_with_what_to_mend(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o777)
    with pytest.raises(SharedRoot) as refused:
        check_root(tmp_path / "shared" / "models")
    assert refused.value.path == str(tmp_path / "shared")
    assert shared_root_words(tmp_path / "shared" / "models").startswith(f"{tmp_path}/shared: every user")
