"""An actor that somebody else runs: its name is kept for it, and nobody waits for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.runtime.supervisor.actor_apart import actor_named, with_actor_apart
from actors.runtime.supervisor.membership import Membership
from actors.runtime.supervisor.profile_children import children_of
from actors.shared.profile.profile import Profile, ProfileError, read_profile
from tests.support.profiles import write_profile

SECRET = "s" * 40


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    return read_profile(
        write_profile(
            tmp_path,
            {"name": "first", "entry": "m:b", "reveal_secrets": True},
            {"name": "second", "entry": "m:b", "depends_on": ["first"]},
            {"name": "tray", "command": ["node", "tray.js"]},
        )
    )


def test_it_leaves_the_children_and_its_name_is_reserved(profile: Profile) -> None:
    found = with_actor_apart(profile, "first")
    assert [spec.name for spec in children_of(found)] == ["broker", "second", "tray"]
    assert children_of(found)[1].depends_on == ("broker",)
    assert found.secret_readers == {"first"}
    peers = Membership(found, {"first": SECRET}).roster.peers
    assert peers["first"].credential_sha256 not in ("", peers["second"].credential_sha256)


def test_without_a_name_nothing_changes(profile: Profile) -> None:
    assert with_actor_apart(profile, "") is profile


@pytest.mark.parametrize(
    ("name", "words"),
    [("tray", "start it yourself: node tray.js"), ("nope", "among first, second, found 'nope'")],
)
def test_only_an_actor_can_be_apart(name: str, words: str, profile: Profile) -> None:
    with pytest.raises(ProfileError, match=words):
        actor_named(profile, name)
    with pytest.raises(ProfileError, match=words):
        with_actor_apart(profile, name)
