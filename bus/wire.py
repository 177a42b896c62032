"""What goes over the wire: verbs, headers, limits. Bytes in, typed headers out, and back; knows no socket.

The protocol is described, with golden frames, in PROTOCOL.md beside this file. Every header is a MessagePack
array, so that a later version may append fields and an earlier one ignores them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from bus.discovery import PROTOCOL_VERSION as PROTOCOL_VERSION
from bus.errors import FailureKind, ProtocolError

BODY_LIMIT_BYTES: Final = 16 * 1024 * 1024
"""No frame is larger; ZeroMQ itself drops the connection of a peer that sends one."""

HEADER_LIMIT_BYTES: Final = 64 * 1024

WELCOME_FRAME: Final = b"!welcome"
"""First message of every connection to the feed (ZMQ_XPUB_WELCOME_MSG): the sign to resync."""

HEARTBEAT_TOPIC: Final = b"!heartbeat"
"""Feed topic on which the broker says once a second how far each topic has come."""

HEARTBEAT_SECONDS: Final = 1.0

NAME_PATTERN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")

PATTERN_LIMIT: Final = 1024
"""So many patterns one SNAPSHOT may name."""

UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What reading MessagePack from others may raise: a wrong shape, text that is not UTF-8, nesting without end."""

Count: TypeAlias = Annotated[int, Meta(ge=1)]
Serial: TypeAlias = Annotated[int, Meta(ge=1)]
Reference: TypeAlias = Annotated[int, Meta(ge=0)]
Topic: TypeAlias = Annotated[str, Meta(max_length=128)]


class _Header(msgspec.Struct, frozen=True, array_like=True):
    pass


class Hello(_Header, frozen=True, array_like=True):
    """A peer asks to be let in. `instance` is a random id of one life of the peer."""

    protocol: int
    name: Annotated[str, Meta(max_length=64)]
    instance: Annotated[str, Meta(min_length=8, max_length=64)]
    token: Annotated[str, Meta(max_length=256)]


class Welcome(_Header, frozen=True, array_like=True):
    """The broker lets a peer in. `accepted` is the highest serial it has from this instance."""

    protocol: int
    epoch: str
    accepted: int
    sequence: int


class Bye(_Header, frozen=True, array_like=True):
    """A peer leaves. `returning`: it is due back, so requests to it fail as `restarting`."""

    returning: bool = False


class Publish(_Header, frozen=True, array_like=True):
    """A run of events of one topic; the body is a MessagePack array of `count` events.

    `serial` counts the messages of this instance, `first` the events that it published to this topic; both
    from 1.
    """

    serial: Serial
    topic: Topic
    count: Count
    first: Count
    key: Annotated[str, Meta(max_length=512)] | None = None
    correlation: Annotated[str, Meta(max_length=128)] | None = None


class Accepted(_Header, frozen=True, array_like=True):
    """All messages up to this serial have their place in the order."""

    serial: int


class Serve(_Header, frozen=True, array_like=True):
    """The peer answers requests to these topics; the broker says the same back once it is so."""

    topics: list[Topic]


class Request(_Header, frozen=True, array_like=True):
    """A question; the body is one event. Towards the server, `id` is the broker's and `source` names who asks."""

    id: Reference
    topic: Topic
    timeout_ms: Annotated[int, Meta(ge=1, le=86_400_000)]
    correlation: Annotated[str, Meta(max_length=128)] | None = None
    source: str = ""


class Reply(_Header, frozen=True, array_like=True):
    """The answer to a question; the body is one event."""

    id: Reference


class Failed(_Header, frozen=True, array_like=True):
    """What was asked with this verb and id (or serial) comes to nothing."""

    id: Reference
    kind: FailureKind
    message: Annotated[str, Meta(max_length=4096)]
    verb: str = "REQUEST"


class Cancel(_Header, frozen=True, array_like=True):
    """Whoever asked no longer waits for the reply."""

    id: Reference


class Replay(_Header, frozen=True, array_like=True):
    """Ask for the events `first` to `last` of a topic."""

    id: Reference
    topic: Topic
    first: Count
    last: Count


class Replayed(_Header, frozen=True, array_like=True):
    """What the ring still has; the body frames are feed messages, three frames each.

    `lost` events from `first` on are gone for good; the next that is not in this answer has the number
    `next`.
    """

    id: Reference
    topic: str
    lost: int
    next: int


class Snapshot(_Header, frozen=True, array_like=True):
    """Ask for what is retained of the topics that match these patterns, or only for how far these topics have come."""

    id: Reference
    patterns: Annotated[list[Annotated[str, Meta(max_length=130)]], Meta(max_length=PATTERN_LIMIT)]
    heads_only: bool = False


class Snapshotted(_Header, frozen=True, array_like=True):
    """Retained events as body frames, three each, in order; `heads` has the newest number of each matching topic."""

    id: Reference
    epoch: str
    sequence: int
    heads: dict[str, int]


class Ping(_Header, frozen=True, array_like=True):
    """Asks for a Pong of the same id."""

    id: Reference


class Pong(_Header, frozen=True, array_like=True):
    """Answers a Ping; from the broker with the epoch and the highest accepted serial."""

    id: Reference
    epoch: str = ""
    accepted: int = 0


class Run(_Header, frozen=True, array_like=True):
    """Feed header: where a run of events stands in the order.

    Attributes:
        epoch: life of the broker that ordered them.
        sequence, number: place of the first event in the one order, and within its topic; both from 1.
        count: how many events the body holds.
        time_ns: when the broker accepted them, nanoseconds since the Unix epoch.
        source, instance, source_number: who published, in which life, and its own count within the topic.
        key: what the event is retained under; None if it is not.
        correlation: id that follows one matter through all processes.
    """

    epoch: str
    sequence: int
    number: int
    count: int
    time_ns: int
    source: str
    instance: str
    source_number: int
    key: str | None = None
    correlation: str | None = None


class Heartbeat(_Header, frozen=True, array_like=True):
    """Feed header of the heartbeat; the body is a map of topic to its newest number."""

    epoch: str
    sequence: int


LaneHeader: TypeAlias = (
    Hello
    | Welcome
    | Bye
    | Publish
    | Accepted
    | Serve
    | Request
    | Reply
    | Failed
    | Cancel
    | Replay
    | Replayed
    | Snapshot
    | Snapshotted
    | Ping
    | Pong
)

Verb: TypeAlias = Literal[
    "HELLO",
    "WELCOME",
    "BYE",
    "PUBLISH",
    "ACCEPTED",
    "SERVE",
    "REQUEST",
    "REPLY",
    "FAILED",
    "CANCEL",
    "REPLAY",
    "SNAPSHOT",
    "PING",
    "PONG",
]

_TO_BROKER: Final[dict[bytes, type[_Header]]] = {
    b"HELLO": Hello,
    b"BYE": Bye,
    b"PUBLISH": Publish,
    b"SERVE": Serve,
    b"REQUEST": Request,
    b"REPLY": Reply,
    b"FAILED": Failed,
    b"CANCEL": Cancel,
    b"REPLAY": Replay,
    b"SNAPSHOT": Snapshot,
    b"PING": Ping,
    b"PONG": Pong,
}
_TO_PEER: Final[dict[bytes, type[_Header]]] = {
    b"WELCOME": Welcome,
    b"ACCEPTED": Accepted,
    b"SERVE": Serve,
    b"REQUEST": Request,
    b"REPLY": Reply,
    b"FAILED": Failed,
    b"CANCEL": Cancel,
    b"REPLAY": Replayed,
    b"SNAPSHOT": Snapshotted,
    b"PING": Ping,
    b"PONG": Pong,
}
_VERB_OF: Final[dict[type[_Header], bytes]] = {
    header: verb for table in (_TO_BROKER, _TO_PEER) for verb, header in table.items()
}
_BROKER_DECODERS: Final = {verb: msgspec.msgpack.Decoder(header) for verb, header in _TO_BROKER.items()}
_PEER_DECODERS: Final = {verb: msgspec.msgpack.Decoder(header) for verb, header in _TO_PEER.items()}

encode: Final = msgspec.msgpack.Encoder().encode
_run_decoder: Final = msgspec.msgpack.Decoder(Run)
_heartbeat_decoder: Final = msgspec.msgpack.Decoder(Heartbeat)
_heads_decoder: Final = msgspec.msgpack.Decoder(dict[str, int])
_events_decoder: Final = msgspec.msgpack.Decoder(list[msgspec.Raw])
_event_decoder: Final = msgspec.msgpack.Decoder(dict[str, msgspec.Raw])

Frame: TypeAlias = bytes | bytearray
Frames: TypeAlias = Sequence[Frame]


def lane_frames(header: LaneHeader, *body: Frame) -> list[Frame]:
    """Frames of a lane message: verb, header, body."""
    return [_VERB_OF[type(header)], encode(header), *body]


def read_from_peer(frames: Sequence[bytes]) -> LaneHeader:
    """Header of a message that came from a peer; `frames` are verb, header, body.

    Raises:
        ProtocolError: reasons `truncated`, `wrong_verb`, `oversize`, `malformed`.
    """
    return _read(frames, _BROKER_DECODERS, HEADER_LIMIT_BYTES)


def read_from_broker(frames: Sequence[bytes]) -> LaneHeader:
    """Header of a message that came from the broker, whose heads may take more room; raises as `read_from_peer`."""
    return _read(frames, _PEER_DECODERS, BODY_LIMIT_BYTES)


def _read(
    frames: Sequence[bytes], decoders: dict[bytes, msgspec.msgpack.Decoder[_Header]], limit_bytes: int
) -> LaneHeader:
    if len(frames) < 2:
        raise ProtocolError("truncated", f"expected a verb and a header, found {len(frames)} frame(s)")
    decoder = decoders.get(frames[0])
    if decoder is None:
        raise ProtocolError(
            "wrong_verb",
            f"expected one of {', '.join(sorted(v.decode() for v in decoders))}, found {bytes(frames[0][:32])!r}",
        )
    if len(frames[1]) > limit_bytes:
        raise ProtocolError(
            "oversize", f"the header has {len(frames[1])} bytes, at most {limit_bytes} are read"
        )
    try:
        return decoder.decode(frames[1])  # type: ignore[return-value]  # the tables hold lane headers only
    except UNREADABLE as error:
        raise ProtocolError("malformed", f"header of {frames[0].decode()}: {error}") from error


def read_run(frame: bytes) -> Run:
    """Feed header of a run of events.

    Raises:
        ProtocolError: reason `malformed`.
    """
    try:
        return _run_decoder.decode(frame)
    except UNREADABLE as error:
        raise ProtocolError("malformed", f"feed header: {error}") from error


def read_heartbeat(header: bytes, body: bytes) -> tuple[Heartbeat, dict[str, int]]:
    """Heartbeat of the broker, and the newest number of each topic.

    Raises:
        ProtocolError: reason `malformed`.
    """
    try:
        return _heartbeat_decoder.decode(header), _heads_decoder.decode(body)
    except UNREADABLE as error:
        raise ProtocolError("malformed", f"heartbeat: {error}") from error


def check_events(body: bytes, count: int) -> None:
    """Make sure that a body is an array of `count` well-formed MessagePack values, without looking into them.

    Raises:
        ProtocolError: reasons `oversize`, `malformed`, `miscounted`.
    """
    if len(body) > BODY_LIMIT_BYTES:
        raise ProtocolError(
            "oversize", f"the body has {len(body)} bytes, at most {BODY_LIMIT_BYTES} are taken"
        )
    try:
        found = len(_events_decoder.decode(body))
    except UNREADABLE as error:
        raise ProtocolError("malformed", f"the body is not an array of events: {error}") from error
    if found != count:
        raise ProtocolError("miscounted", f"the header promises {count} event(s), the body holds {found}")


def check_event(body: bytes) -> None:
    """Make sure that a body is one well-formed MessagePack map.

    Raises:
        ProtocolError: reasons `oversize`, `malformed`.
    """
    if len(body) > BODY_LIMIT_BYTES:
        raise ProtocolError(
            "oversize", f"the body has {len(body)} bytes, at most {BODY_LIMIT_BYTES} are taken"
        )
    try:
        _event_decoder.decode(body)
    except UNREADABLE as error:
        raise ProtocolError("malformed", f"the body is not an event: {error}") from error


def is_name(text: str) -> bool:
    """Whether the text may name a peer."""
    return NAME_PATTERN.fullmatch(text) is not None


def feed_prefix(pattern: str) -> bytes:
    """What a SUB socket subscribes to for a pattern: an exact topic, `conversation.*` or `*`."""
    return pattern.removesuffix("*").encode()


def matches(pattern: str, topic: str) -> bool:
    """Whether a topic falls under a pattern: an exact topic, `conversation.*` or `*`."""
    return topic.startswith(pattern[:-1]) if pattern.endswith("*") else topic == pattern
