"""A package or module of an app that ours would hide is found; data and other names are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.shared.profile.import_names import OWN_PACKAGES, OWN_ROOT, hidden_packages, hidden_words


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("schemas/__init__.py", "schemas"),
        ("bus/client.py", "bus"),
        ("actors.py", "actors"),
        ("schemas/a.py", "schemas"),
    ],
)
def test_what_python_would_never_import_is_found(tmp_path: Path, file: str, name: str) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).touch()
    assert hidden_packages(tmp_path) == [name]
    assert hidden_words(tmp_path, name) == (
        f"{tmp_path} has a package '{name}', which Undercroft's own hides; rename it"
    )


@pytest.mark.parametrize(
    "file", ["schemas/layout.json", "bus.txt", "app/bus/__init__.py", "actors_of_app.py"]
)
def test_data_and_other_names_are_the_apps_own(tmp_path: Path, file: str) -> None:
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).touch()
    assert hidden_packages(tmp_path) == []


def test_a_directory_that_is_not_there_hides_nothing(tmp_path: Path) -> None:
    assert hidden_packages(tmp_path / "absent") == []


def test_undercrofts_own_directory_hides_nothing_of_itself() -> None:
    assert all((OWN_ROOT / name / "__init__.py").is_file() for name in OWN_PACKAGES)
    assert hidden_packages(OWN_ROOT) == []
