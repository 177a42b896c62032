"""Each mistake in namespaces and named peers has its place."""

from __future__ import annotations

from actors.shared.profile.profile_tables import PeerTable, TopicNamespaceTable
from actors.shared.profile.topic_namespaces import (
    namespace_owners,
    namespace_problems,
    pattern_of,
    peer_problems,
)

ENGINE = TopicNamespaceTable(namespace="a.engine.*", peers=["engine"])


def test_a_pattern_alone_is_everybodys() -> None:
    assert namespace_owners(["a.*", ENGINE]) == {"a.*": None, "a.engine.*": ("engine",)}
    assert (pattern_of("a.*"), pattern_of(ENGINE)) == ("a.*", "a.engine.*")


def test_a_namespace_that_is_right_has_no_problem() -> None:
    assert list(namespace_problems(["a.*", ENGINE, "b.c.*"], {"engine"})) == []


def test_patterns_names_and_repetitions_are_checked_in_either_form() -> None:
    wrong = TopicNamespaceTable(namespace="A.*", peers=["engine", "nobody"])
    problems = dict(namespace_problems(["a", wrong, ENGINE, "a.engine.*"], {"engine"}))
    assert problems == {
        "topics.namespaces[0]": "expected a pattern such as 'myapp.*', found 'a'",
        "topics.namespaces[1].peers[1]": (
            "expected the name of one of [[children]] or [[peers]], found 'nobody'"
        ),
        "topics.namespaces[1].namespace": "expected a pattern such as 'myapp.*', found 'A.*'",
        "topics.namespaces[3]": "expected each pattern once, found 'a.engine.*' twice",
    }


def test_a_peer_has_a_name_of_its_own() -> None:
    peers = [PeerTable(name=name) for name in ("frontend", "supervisor", "engine", "frontend")]
    assert dict(peer_problems(peers, ["engine"])) == {
        "peers[1].name": "'supervisor' is a name of the runtime itself, choose another",
        "peers[2].name": "'engine' is one of [[children]], which gets its credential by itself",
        "peers[3].name": "expected a name of its own, found two peers named 'frontend'",
    }
