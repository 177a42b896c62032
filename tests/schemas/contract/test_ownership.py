"""Every topic of the contract has an owner, and it is the actor that serves it."""

from __future__ import annotations

import importlib
import typing
from collections.abc import Iterator
from typing import Any

import pytest

from schemas.contract import ownership
from schemas.contract.registry import EVENTS, REPLIES, REQUESTS
from schemas.event import topic_of

ACTORS = (
    "config_store",
    "diagnostics",
    "history",
    "locations",
    "model_downloader",
    "model_sources",
    "model_verifier",
    "readiness",
    "state_store",
)
OWNERS = {
    *ACTORS,
    ownership.BROKER,
    ownership.SUPERVISOR,
    ownership.NAMED_PEERS,
    ownership.EVERYBODY,
}


def members_of(union: Any) -> Iterator[type[Any]]:
    for member in typing.get_args(union) or (union,):
        if typing.get_args(member):
            yield from members_of(member)
        else:
            yield member


@pytest.mark.parametrize("topic", sorted(EVENTS))
def test_every_topic_has_an_owner_who_exists(topic: str) -> None:
    assert ownership.owner_of(topic) in OWNERS


@pytest.mark.parametrize("name", ACTORS)
def test_the_inbox_of_an_actor_has_the_requests_that_it_owns(name: str) -> None:
    inbox = importlib.import_module(f"actors.{name}.actor").Inbox
    served = {topic_of(member) for member in members_of(inbox)} & REQUESTS.keys()
    assert sorted(served) == ownership.served_by(name)


@pytest.mark.parametrize("topic", sorted(REQUESTS))
def test_a_reply_belongs_to_the_server_of_its_request(topic: str) -> None:
    assert ownership.owner_of(topic_of(REPLIES[topic])) in (
        ownership.owner_of(topic),
        ownership.owner_of("bus.statistics") if topic == "bus.statistics" else ownership.owner_of(topic),
    )


def test_exceptions_and_sets_name_topics_that_exist() -> None:
    named = {*ownership._EXCEPTIONS, *ownership.KEYED_BY_PUBLISHER}
    assert named <= EVENTS.keys()
    assert REQUESTS.keys() >= ownership.ASKED_BY_ACTORS | ownership.SECRETS


def test_what_is_published_and_what_is_served_share_no_topic() -> None:
    published, served = ownership.published_by(*OWNERS), ownership.served_by(*OWNERS)
    assert sorted([*published, *served]) == sorted(EVENTS)
