"""What no single table shows: all of it is found, not only the first."""

from __future__ import annotations

import msgspec
import pytest

from actors.shared.profile.declaration_problems import declaration_problems
from actors.shared.profile.profile_tables import ProfileFile


def problems(**tables: object) -> dict[str, str]:
    return dict(declaration_problems(msgspec.convert({"name": "probe", **tables}, ProfileFile)))


def test_a_sound_profile_has_none() -> None:
    assert problems(allowlist=["vad.*", "*"], topics={"namespaces": ["myapp.*"]}) == {}


def test_every_problem_is_found() -> None:
    found = problems(
        allowlist=["vad.*", "no blank"],
        topics={"namespaces": ["Wrong"]},
        peers=[{"name": "broker"}],
        modes=[{"name": "twice"}, {"name": "twice"}],
        manifest={"url": "https://models.example.org/x"},
    )
    assert list(found) == [
        "allowlist[1]",
        "peers[0].name",
        "topics.namespaces[0]",
        "modes[1].name",
        "manifest.keys",
    ]


@pytest.mark.parametrize(
    ("tables", "option"),
    [
        ({"settings": "../settings.py:Settings"}, "settings"),
        ({"settings_migrations": "/tmp/m.py:STEPS"}, "settings_migrations"),
        ({"documents": "a/../../d.py:ALL"}, "documents"),
        ({"migrations": "a\\m.py:ALL"}, "migrations"),
        ({"models": ["models.json", "../models.json"]}, "models[1]"),
        ({"models": "bundled:../x"}, "models[0]"),
        ({"namespaces": [{"name": "n", "schema": "../n.json"}]}, "namespaces[0].schema"),
        ({"namespaces": [{"name": "n", "schemas": {"x": "/n.json"}}]}, "namespaces[0].schemas.x"),
    ],
)
def test_a_profile_names_files_below_its_directory_only(tables: dict[str, object], option: str) -> None:
    found = problems(**tables)
    assert list(found) == [option]
    assert "below the directory of the profile" in found[option]
