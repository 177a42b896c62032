"""The headers of the protocol: one frozen struct for each verb of the lane, and two for the feed. Pure."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from bus.errors import FailureKind
from bus.wire.limits import PATTERN_LIMIT

Count: TypeAlias = Annotated[int, Meta(ge=1)]
Serial: TypeAlias = Annotated[int, Meta(ge=1)]
Reference: TypeAlias = Annotated[int, Meta(ge=0)]
Topic: TypeAlias = Annotated[str, Meta(max_length=128)]


class Header(msgspec.Struct, frozen=True, array_like=True):
    """Base of all headers."""


class HelloHeader(Header, frozen=True, array_like=True):
    """A peer asks to join.

    Attributes:
        instance: a random id of one life of the peer, which only the peer and the broker know.
        credential: that of the name, or the token of `runtime.json`, which makes a guest.
    """

    protocol: int
    name: Annotated[str, Meta(max_length=64)]
    instance: Annotated[str, Meta(min_length=8, max_length=64)]
    credential: Annotated[str, Meta(max_length=256)]


class WelcomeHeader(Header, frozen=True, array_like=True):
    """The broker admits a peer.

    Attributes:
        accepted: the highest serial that the broker has from this instance.
        sequence: number of the newest event in the one order.
        instance: what everybody sees in place of the secret one.
        role: `named` if the credential was that of the name, else `guest`.
    """

    protocol: int
    epoch: str
    accepted: int
    sequence: int
    instance: str = ""
    role: str = "guest"


class ByeHeader(Header, frozen=True, array_like=True):
    """A peer leaves. `returning`: it will be back, so requests to it fail as `restarting`."""

    returning: bool = False


class PublishHeader(Header, frozen=True, array_like=True):
    """A run of events of one topic; the body is a MessagePack array of `count` events.

    A `count` of 0 withdraws the event that is retained under the key.

    Attributes:
        serial: counts the messages of this instance, from 1.
        first: counts the events that this instance published to the topic, from 1.
        key: what the event is retained under; None: it is not retained.
        correlation: id that follows one matter through all processes.
        again: it was sent to an earlier broker already, so numbers may be left out before it.
    """

    serial: Serial
    topic: Topic
    count: Reference
    first: Count
    key: Annotated[str, Meta(max_length=512)] | None = None
    correlation: Annotated[str, Meta(max_length=128)] | None = None
    again: bool = False


class AcceptedHeader(Header, frozen=True, array_like=True):
    """Every message up to this serial has its place in the order.

    Attributes:
        behind: by how many events the slowest subscriber of these topics trails, as far as it said.
    """

    serial: int
    behind: int = 0


class ServeHeader(Header, frozen=True, array_like=True):
    """The peer serves requests to these topics. The broker sends the same header back as confirmation."""

    topics: list[Topic]


class RequestHeader(Header, frozen=True, array_like=True):
    """A request; the body is one event. The server gets the broker's `id`, and who asks as `source`."""

    id: Reference
    topic: Topic
    timeout_ms: Annotated[int, Meta(ge=1, le=86_400_000)]
    correlation: Annotated[str, Meta(max_length=128)] | None = None
    source: str = ""


class ReplyHeader(Header, frozen=True, array_like=True):
    """The reply of a server; the body is one event.

    Attributes:
        serial: the last message that the server had published when it made the reply; 0: all it has sent.
    """

    id: Reference
    serial: Reference = 0


class RepliedHeader(Header, frozen=True, array_like=True):
    """The reply as the asking peer gets it; the body is one event.

    Attributes:
        epoch, sequence: the place in the one order as of which the reply holds.
        source: name of the server.
    """

    id: Reference
    epoch: str = ""
    sequence: int = 0
    source: str = ""


class FailedHeader(Header, frozen=True, array_like=True):
    """The message with this verb and id (or serial) failed."""

    id: Reference
    kind: FailureKind
    message: Annotated[str, Meta(max_length=4096)]
    verb: str = "REQUEST"


class CancelHeader(Header, frozen=True, array_like=True):
    """The asking peer no longer waits for the reply."""

    id: Reference


class ReplayHeader(Header, frozen=True, array_like=True):
    """Ask for the events `first` to `last` of a topic."""

    id: Reference
    topic: Topic
    first: Count
    last: Count


class ReplayedHeader(Header, frozen=True, array_like=True):
    """What the ring still holds; the body frames are feed messages, three frames each.

    Attributes:
        lost: how many events from `first` on are gone for good.
        next: number of the first event after this answer.
        epoch: the life of the broker whose numbers these are.
    """

    id: Reference
    topic: str
    lost: int
    next: int
    epoch: str = ""


class SnapshotHeader(Header, frozen=True, array_like=True):
    """Ask for the retained events of all topics that match, or only for the newest number of each.

    Attributes:
        after: `next` of the page before; 0: the first page.
    """

    id: Reference
    patterns: Annotated[list[Annotated[str, Meta(max_length=130)]], Meta(max_length=PATTERN_LIMIT)]
    heads_only: bool = False
    after: Reference = 0


class SnapshottedHeader(Header, frozen=True, array_like=True):
    """A page of retained events in order, three body frames each.

    Attributes:
        heads: the newest number of each matching topic; in the first page only.
        next: where the next page begins; 0: there is none.
    """

    id: Reference
    epoch: str
    sequence: int
    heads: dict[str, int]
    next: int = 0


class HeardHeader(Header, frozen=True, array_like=True):
    """A subscriber has handed on the events of a topic up to this number."""

    topic: Topic
    number: Reference


class PingHeader(Header, frozen=True, array_like=True):
    """Asks for a PONG of the same id."""

    id: Reference


class PongHeader(Header, frozen=True, array_like=True):
    """Answers a PING. The broker adds its epoch and the highest accepted serial."""

    id: Reference
    epoch: str = ""
    accepted: int = 0


class Run(Header, frozen=True, array_like=True):
    """Feed header of a run: consecutive events of one topic and one publisher.

    Attributes:
        epoch: the life of the broker that ordered them.
        sequence, number: place of the first event in the one order, and within its topic; both from 1.
        count: how many events the body holds.
        time_ns: when the broker accepted them, nanoseconds since the Unix epoch.
        source, instance: the peer that published, and its life.
        source_number: its own count within the topic; that of the first event.
        key: what the event is retained under; None: it is not retained.
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


class HeartbeatHeader(Header, frozen=True, array_like=True):
    """Feed header of the heartbeat; the body maps each topic to its newest number."""

    epoch: str
    sequence: int


LaneHeader: TypeAlias = (
    HelloHeader
    | WelcomeHeader
    | ByeHeader
    | PublishHeader
    | AcceptedHeader
    | ServeHeader
    | RequestHeader
    | ReplyHeader
    | RepliedHeader
    | FailedHeader
    | CancelHeader
    | ReplayHeader
    | ReplayedHeader
    | SnapshotHeader
    | SnapshottedHeader
    | HeardHeader
    | PingHeader
    | PongHeader
)
