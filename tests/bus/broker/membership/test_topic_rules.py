"""Topics of an app exist below its namespaces, and the longest says whose they are."""

from __future__ import annotations

import pytest

from bus.broker.membership.topic_rules import TopicRules
from bus.broker.roster import NamespaceRule
from bus.errors import ProtocolError


@pytest.mark.parametrize(
    "topic", ["app.x", "app.x.y", "mine.x", "mine", "minex.y", "app.", "app.X", "app." + "x" * 125, ""]
)
def test_an_app_has_its_namespaces_and_no_others(topic: str) -> None:
    rules = TopicRules([NamespaceRule(namespace="mine.*")])
    if topic in ("app.x", "app.x.y", "mine.x"):
        assert rules.owners_of(topic) is None
    else:
        with pytest.raises(ProtocolError, match="apps publish and serve below"):
            rules.owners_of(topic)


@pytest.mark.parametrize(
    ("topic", "owners"),
    [
        ("mine.x", None),
        ("mine.engine.x", {"engine"}),
        ("mine.engine.open.x", None),
        ("mine.engines", None),
        ("app.x", None),
        ("app.engine.x", {"engine", "frontend"}),
    ],
)
def test_the_longest_namespace_decides(topic: str, owners: set[str] | None) -> None:
    rules = TopicRules(
        [
            NamespaceRule(namespace="mine.*"),
            NamespaceRule(namespace="mine.engine.open.*"),
            NamespaceRule(namespace="mine.engine.*", peers=["engine"]),
            NamespaceRule(namespace="app.engine.*", peers=["engine", "frontend"]),
        ]
    )
    assert rules.owners_of(topic) == owners


def test_a_namespace_that_is_named_twice_belongs_to_whom_either_names() -> None:
    rules = TopicRules(
        [
            NamespaceRule(namespace="mine.*", peers=["one"]),
            NamespaceRule(namespace="mine.*"),
            NamespaceRule(namespace="mine.*", peers=["two"]),
        ]
    )
    assert rules.owners_of("mine.x") == {"one", "two"}
