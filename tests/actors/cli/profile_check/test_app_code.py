"""Code of an app that cannot be imported is a mistake with a line, whatever it raises."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from actors.cli.profile_check.app_code import entry_mistake, load_file
from actors.shared.profile.profile import Profile, read_profile
from tests.support.profiles import write_profile


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    return read_profile(write_profile(tmp_path))


def entry_words(profile: Profile, source: str, entry: str = "probe_entry:build") -> str:
    (profile.directory / "probe_entry.py").write_text(source)
    mistake = entry_mistake(profile, "probe", entry, profile.directory)
    return str(mistake or "").removeprefix(f"{profile.file}: ")


def test_a_sound_entry_is_no_mistake_and_leaves_nothing_behind(profile: Profile) -> None:
    path = list(sys.path)
    assert entry_words(profile, "def build(context): ...") == ""
    assert sys.path == path
    assert "probe_entry" not in sys.modules


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("", "expected a function 'build' in probe_entry, found None; define 'build' in probe_entry"),
        (
            "import numppy",
            "No module named 'numppy' (probe_entry.py, line 1); install it into the",
        ),
        ("def build(:", "SyntaxError in line 1"),
        ("x = 1\nraise ValueError('no good')", "ValueError: no good (probe_entry.py, line 2)"),
        ("raise SystemExit(3)", "SystemExit: 3"),
    ],
)
def test_a_wrong_one_says_why_and_where(source: str, words: str, profile: Profile) -> None:
    assert words in entry_words(profile, source)
    assert entry_words(profile, source).startswith("children.probe.entry: ")


def test_a_module_that_is_not_there_says_where_it_would_have_to_be(profile: Profile) -> None:
    assert f"put nobody.py into {profile.directory}" in entry_words(profile, "", "nobody:build")
    mistake = entry_mistake(profile, "probe", "nobody.inner:build", None)
    assert mistake is not None
    assert "nobody/inner.py" in mistake.cure
    assert "'path'" in mistake.cure


def test_two_children_may_have_modules_of_one_name(profile: Profile) -> None:
    other = profile.directory / "other"
    other.mkdir()
    (other / "probe_entry.py").write_text("def make(context): ...")
    assert entry_words(profile, "def build(context): ...") == ""
    assert entry_mistake(profile, "probe", "probe_entry:make", other) is None


def test_a_file_of_the_profile_is_loaded(profile: Profile) -> None:
    (profile.directory / "d.py").write_text("NAMES = [1]")
    assert load_file(profile, "documents", "d.py:NAMES") == ([1], [])


@pytest.mark.parametrize(
    ("source", "reference", "words"),
    [
        (None, "d.py:NAMES", "there is no file 'd.py'"),
        ("", "d.py:NAMES", "d.py has no 'NAMES'"),
        ("1 / 0", "d.py:NAMES", "ZeroDivisionError: division by zero (d.py, line 1)"),
        ("import numppy", "d.py:NAMES", "install it into the environment of Undercroft"),
    ],
)
def test_a_file_that_cannot_be_loaded_is_a_mistake(
    source: str | None, reference: str, words: str, profile: Profile
) -> None:
    if source is not None:
        (profile.directory / "d.py").write_text(source)
    found, (mistake,) = load_file(profile, "documents", reference)
    assert found is None
    assert words in str(mistake)
