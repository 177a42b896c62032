"""Topics that exist are allowed, and mistakes are refused."""

from __future__ import annotations

import pytest

from bus.broker.topic_rules import TopicRules
from bus.errors import ProtocolError
from schemas.contract.registry import EVENTS, REQUESTS


@pytest.mark.parametrize("topic", sorted(set(EVENTS) - set(REQUESTS)))
def test_every_fact_of_the_contract_may_be_published_and_not_served(topic: str) -> None:
    TopicRules().check_publish(topic)
    with pytest.raises(ProtocolError, match="unknown_topic"):
        TopicRules().check_serve(topic)


@pytest.mark.parametrize("topic", sorted(REQUESTS))
def test_every_request_of_the_contract_may_be_served_and_not_published(topic: str) -> None:
    TopicRules().check_serve(topic)
    with pytest.raises(ProtocolError, match="unknown_topic"):
        TopicRules().check_publish(topic)


@pytest.mark.parametrize(
    "topic", ["app.x", "app.x.y", "mine.x", "mine", "minex.y", "app.", "app.X", "app." + "x" * 125, ""]
)
def test_an_app_has_its_namespaces_and_no_others(topic: str) -> None:
    rules = TopicRules(["mine.*"])
    for check in (rules.check_publish, rules.check_serve):
        if topic in ("app.x", "app.x.y", "mine.x"):
            check(topic)
            check(topic)
        else:
            with pytest.raises(ProtocolError, match="apps publish and serve below app"):
                check(topic)
