"""What no single table shows: all of it is found, not only the first."""

from __future__ import annotations

import msgspec

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
