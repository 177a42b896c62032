"""Every name has a credential of its own while it belongs to the runtime, and what the profile grants it."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from actors.runtime.supervisor.membership import Membership, new_credential, owner_of, roster_names
from actors.shared.profile.profile import Profile, read_profile
from actors.shared.profile.profile_tables import ChildTable
from bus.broker.roster import Roster, digest_of
from schemas.contract.ownership import EVERYBODY, NAMED_PEERS, published_by, served_by

LAUNCHED = {"frontend": "f" * 32, "absent": "a" * 32}
BEFORE = """
name = "mine"
[topics]
namespaces = ["mine.*", { namespace = "mine.engine.*", peers = ["engine"] }]
[[children]]
name = "config_store"
entry = "actors.config_store:build"
[[children]]
name = "records"
entry = "actors.history:build"
[[children]]
name = "greeter"
entry = "greeter:build"
reveal_secrets = true
[[children]]
name = "engine"
command = ["engine"]
[[children]]
name = "model_verifier"
command = ["verify"]
[[peers]]
name = "frontend"
reveal_secrets = true
[[peers]]
name = "operator"
"""
AFTER = """
name = "mine"
[[children]]
name = "config_store"
entry = "actors.config_store:build"
[[children]]
name = "fresh"
entry = "fresh:build"
"""


@pytest.fixture
def membership(tmp_path: Path) -> Membership:
    numbers = count(1)
    return Membership(profile(tmp_path, BEFORE), LAUNCHED, lambda: f"credential-{next(numbers)}")


def profile(directory: Path, text: str) -> Profile:
    (directory / "profile.toml").write_text(text, encoding="utf-8")
    return read_profile(directory)


def digests(roster: Roster) -> dict[str, str]:
    return {name: grant.credential_sha256 for name, grant in roster.peers.items()}


def test_every_child_and_the_supervisor_have_a_credential_that_the_roster_knows_by_its_digest(
    membership: Membership,
) -> None:
    made = ("supervisor", "config_store", "records", "greeter", "engine", "model_verifier")
    found = {name: membership.credential_of(name) for name in made}
    assert len(set(found.values())) == len(made)
    known = digests(membership.roster)
    assert {name: digest_of(secret) for name, secret in found.items()} == {name: known[name] for name in made}
    assert membership.secrets() == {*found.values(), *LAUNCHED.values()}
    assert not any(secret in str(membership.roster) for secret in membership.secrets())


def test_a_named_peer_has_what_its_launcher_chose_and_without_that_nobody_gets_in(
    membership: Membership,
) -> None:
    known = digests(membership.roster)
    assert known["frontend"] == digest_of(LAUNCHED["frontend"])
    assert known["operator"] == ""
    assert "absent" not in known
    assert set(known) == roster_names(read_profile_of(membership))


def read_profile_of(membership: Membership) -> Profile:
    return membership._profile


def test_an_actor_has_the_topics_of_what_it_runs_and_others_those_of_their_name(
    membership: Membership,
) -> None:
    peers = membership.roster.peers
    shared = set(published_by(NAMED_PEERS, EVERYBODY))
    assert set(peers["records"].publishes) == shared | set(published_by("history"))
    assert peers["records"].serves == served_by("history")
    assert peers["model_verifier"].serves == served_by("model_verifier")
    assert set(peers["supervisor"].publishes) == shared | set(published_by("supervisor"))
    for name in ("greeter", "engine", "frontend", "operator"):
        assert set(peers[name].publishes) == shared
        assert peers[name].serves == []
    assert not any(topic.startswith("bus.") for grant in peers.values() for topic in grant.publishes)


def test_only_actors_make_requests_among_actors_and_only_who_is_named_reveals_secrets(
    membership: Membership,
) -> None:
    peers = membership.roster.peers
    assert {name for name, grant in peers.items() if grant.is_actor} == {
        "supervisor",
        "config_store",
        "records",
        "greeter",
        "model_verifier",
    }
    assert {name for name, grant in peers.items() if grant.reveals_secrets} == {"greeter", "frontend"}


def test_namespaces_say_whose_they_are(membership: Membership) -> None:
    assert [(rule.namespace, rule.peers) for rule in membership.roster.namespaces] == [
        ("mine.*", None),
        ("mine.engine.*", ["engine"]),
    ]


def test_who_leaves_keeps_its_grant_while_it_stops_and_has_none_after_that(
    membership: Membership, tmp_path: Path
) -> None:
    former, engine = membership.roster, membership.credential_of("engine")
    membership.adopt(profile(tmp_path, AFTER), running={"config_store", "engine", "greeter"})
    now = membership.roster.peers
    assert set(now) == {"supervisor", "config_store", "fresh", "engine", "greeter"}
    assert now["engine"] == former.peers["engine"]
    assert now["config_store"] == former.peers["config_store"]
    assert membership.roster.namespaces == []
    assert membership.left("engine")
    assert set(membership.roster.peers) == {"supervisor", "config_store", "fresh", "greeter"}
    assert not membership.left("engine")
    assert not membership.left("config_store"), "it is in the profile"
    membership.adopt(profile(tmp_path, BEFORE), running={"config_store", "greeter"})
    assert membership.credential_of("engine") != engine, "one that comes back gets a new one"
    assert digests(membership.roster)["greeter"] == former.peers["greeter"].credential_sha256


def test_a_removed_named_peer_has_no_grace(membership: Membership, tmp_path: Path) -> None:
    membership.adopt(profile(tmp_path, AFTER), running=set())
    assert set(membership.roster.peers) == {"supervisor", "config_store", "fresh"}


def test_a_named_peer_that_the_profile_gets_later_has_what_its_launcher_chose(
    membership: Membership, tmp_path: Path
) -> None:
    membership.adopt(profile(tmp_path, AFTER + '[[peers]]\nname = "absent"\n'), running=set())
    assert digests(membership.roster)["absent"] == digest_of(LAUNCHED["absent"])


def test_whose_topics_a_child_has() -> None:
    assert owner_of(ChildTable(name="a", entry="actors.history:build")) == "history"
    assert owner_of(ChildTable(name="a", entry="mine.history:build")) == "a"
    assert owner_of(ChildTable(name="a", command=["x"])) == "a"


def test_a_credential_is_long_and_never_the_same() -> None:
    assert len({new_credential() for _ in range(100)}) == 100
    assert len(new_credential()) >= 43
