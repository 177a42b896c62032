"""A runtime that lies: whatever is asked of it, each text in the answer would steer a terminal.

`python -m tests.hostile.poisoned_runtime HOME` serves every request of the contract and publishes every
event, until its stdin ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import inspect

from actors.runtime.supervisor.host.home.home_lock import take_home
from bus.client import IncomingRequest, Peer, attach
from bus.transport.sockets.socket_transport import SocketTransport
from schemas.contract.registry import EVENTS, REPLIES, REQUESTS
from schemas.event import Event, topic_of
from tests.hostile.hostile_peer import hostile
from tests.support.broker_processes import BrokerProcess, broker_options

MARK: Final = "poison"
POISON: Final = f"{MARK}\x1b]0;t\x07\x1b[2J\x9b9;9H\r\x08\x7f\u202e\u2066[red]x[/red][link=http://x]y[/link]"
HARMLESS: Final = ("a", "a" * 16, "a" * 64)
"""For fields whose pattern leaves no room for more."""

PUBLISH_SECONDS: Final = 0.2
BROKERS_OWN: Final = "bus."


def poisoned(kind: inspect.Type) -> Any:
    """A value of this type with poison in every text, and the largest numbers that fit."""
    match kind:
        case inspect.StrType(max_length=longest, pattern=None):
            return POISON if longest is None or longest >= len(POISON) else "\x1b"[:longest]
        case inspect.StrType(pattern=pattern):
            return next(text for text in HARMLESS if re.search(pattern or "", text))
        case inspect.LiteralType(values=values):
            return values[0]
        case inspect.BoolType():
            return True
        case inspect.IntType(ge=least, le=most):
            return min(max(1, least or 0), 1 if most is None else most)
        case inspect.FloatType(le=most):
            return 1e18 if most is None else float(most)
        case inspect.ListType(item_type=item):
            return [poisoned(item)]
        case inspect.DictType(key_type=key, value_type=value):
            return {poisoned(key): poisoned(value)}
        case inspect.UnionType(types=types):
            return poisoned(next(one for one in types if not isinstance(one, inspect.NoneType)))
        case inspect.StructType(cls=cls, fields=fields):
            return cls(**{field.name: poisoned(field.type) for field in fields})
        case inspect.Metadata(type=inner):
            return poisoned(inner)
        case inspect.AnyType():
            return {POISON: [POISON]}
        case _:
            return None


def sample(event: type[Event]) -> Event:
    """A poisoned event that the contract lets through."""
    made = poisoned(inspect.type_info(event))
    assert isinstance(made, Event)
    return msgspec.msgpack.decode(msgspec.msgpack.encode(made), type=event)


def _answer(request: IncomingRequest) -> None:
    request.reply(sample(REPLIES[request.topic]))


async def _serve(peer: Peer) -> None:
    served = [event for topic, event in REQUESTS.items() if not topic.startswith(BROKERS_OWN)]
    await peer.serve(served, _answer)
    facts = [event for topic, event in EVENTS.items() if topic not in REQUESTS]
    samples = [sample(event) for event in facts if not topic_of(event).startswith(BROKERS_OWN)]
    print("it serves", flush=True)
    while True:
        for event in samples:
            await peer.publish(event)
        await asyncio.sleep(PUBLISH_SECONDS)


async def _live(home: Path) -> None:
    state = home / "state"
    (state / "run").mkdir(parents=True, mode=0o700)
    broker = BrokerProcess(broker_options("ipc", state / "run"))
    broker.start()
    runtime = broker.runtime()
    file = state / "runtime.json"
    file.write_bytes(msgspec.json.encode(runtime))
    file.chmod(0o600)
    with hostile(msgspec.to_builtins(runtime)) as raw:
        assert raw.hello("raw") == ""
        for at, value in enumerate((msgspec.msgpack.Ext(5, b"x"), {("a",): 1}, {True: 1}, 2**63, b"\x1b")):
            raw.publish("app.poison", {"value": value, POISON: POISON}, key=str(at))
        async with attach(SocketTransport(runtime), "config_store", runtime.token) as peer:
            serving = asyncio.ensure_future(_serve(peer))
            await asyncio.to_thread(sys.stdin.read)
            serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await serving
    broker.kill()


if __name__ == "__main__":
    home = Path(sys.argv[1])
    with take_home(home / "state", "poisoned"):
        asyncio.run(_live(home))
