"""Everything that the author of an app's own actor imports. `docs/actors.md` shows how to write one.

An actor is a process that the supervisor starts from a `[[children]]` table of `profile.toml`. Its module
holds three things:

* events: `class GreetedEvent(Event, ...)` for a fact, `class GreetRequestEvent(Request[GreetedEvent], ...)`
  for a question. The tag is the topic. The profile opens the namespace of the topics.
* a class `Greeter(Actor[Inbox])`, where `Inbox` is the union of the events that it hears and serves. Its
  constructor gets an `ActorContext` and hands it to `Actor`; from then on `self.peer`, `self.tasks`,
  `self.alerts` and `self.metrics` are there. `handle` reacts to one event at a time.
* a function `build(context: ActorContext) -> Greeter`, which the profile names as the entry.

Names in this package keep their meaning from one version to the next. Modules elsewhere in `actors` and `bus`
may move at any time. The events of the other actors are in `schemas`, one module for each conversation.

Tests run an actor as its process would, on a bus in memory. With
`pytest_plugins = ["actors.shared.sdk.fixtures"]` in `conftest.py`, a test has the fixture `run_actor`:

    async with run_actor(build, namespaces=["myapp.*"]) as running:
        assert (await running.request(GreetRequestEvent())).words == "hello"
"""

from actors.shared.context import ActorContext
from actors.shared.sdk.running_actor import RunActor, RunningActor, run_actor
from bus.actor import Actor, BusContext, Later
from bus.broker.memory_bus import MemoryBus, memory_bus
from bus.client import GapEvent, IncomingRequest, Peer, asker, correlation
from bus.errors import OperatorError, Refused, RequestFailed, TransientError, UndercroftError
from bus.peer.feed.subscription import Subscription
from bus.retry import request_until_answered
from schemas.config import SettingsChangedEvent
from schemas.event import ONE_PER_TOPIC, Event, Request

__all__ = [
    "ONE_PER_TOPIC",
    "Actor",
    "ActorContext",
    "BusContext",
    "Event",
    "GapEvent",
    "IncomingRequest",
    "Later",
    "MemoryBus",
    "OperatorError",
    "Peer",
    "Refused",
    "Request",
    "RequestFailed",
    "RunActor",
    "RunningActor",
    "SettingsChangedEvent",
    "Subscription",
    "TransientError",
    "UndercroftError",
    "asker",
    "correlation",
    "memory_bus",
    "request_until_answered",
    "run_actor",
]
