"""Writes headers into frames, and reads them back. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import msgspec

from bus.errors import ProtocolError
from bus.wire.headers import (
    AcceptedHeader,
    ByeHeader,
    CancelHeader,
    FailedHeader,
    Header,
    HeardHeader,
    HeartbeatHeader,
    HelloHeader,
    LaneHeader,
    PingHeader,
    PongHeader,
    PublishHeader,
    ReplayedHeader,
    ReplayHeader,
    RepliedHeader,
    ReplyHeader,
    RequestHeader,
    Run,
    ServeHeader,
    SnapshotHeader,
    SnapshottedHeader,
    WelcomeHeader,
)
from bus.wire.limits import BODY_LIMIT_BYTES, HEADER_LIMIT_BYTES, UNREADABLE

_TO_BROKER: Final[dict[bytes, type[Header]]] = {
    b"HELLO": HelloHeader,
    b"BYE": ByeHeader,
    b"PUBLISH": PublishHeader,
    b"SERVE": ServeHeader,
    b"REQUEST": RequestHeader,
    b"REPLY": ReplyHeader,
    b"FAILED": FailedHeader,
    b"CANCEL": CancelHeader,
    b"REPLAY": ReplayHeader,
    b"SNAPSHOT": SnapshotHeader,
    b"PING": PingHeader,
    b"PONG": PongHeader,
    b"HEARD": HeardHeader,
}
_TO_PEER: Final[dict[bytes, type[Header]]] = {
    b"WELCOME": WelcomeHeader,
    b"ACCEPTED": AcceptedHeader,
    b"SERVE": ServeHeader,
    b"REQUEST": RequestHeader,
    b"REPLY": RepliedHeader,
    b"FAILED": FailedHeader,
    b"CANCEL": CancelHeader,
    b"REPLAY": ReplayedHeader,
    b"SNAPSHOT": SnapshottedHeader,
    b"PING": PingHeader,
    b"PONG": PongHeader,
}
VERB_OF: Final[dict[type[Header], bytes]] = {
    header: verb for table in (_TO_BROKER, _TO_PEER) for verb, header in table.items()
}
_BROKER_DECODERS: Final = {verb: msgspec.msgpack.Decoder(header) for verb, header in _TO_BROKER.items()}
_PEER_DECODERS: Final = {verb: msgspec.msgpack.Decoder(header) for verb, header in _TO_PEER.items()}

encode: Final = msgspec.msgpack.Encoder().encode


class _Numbered(msgspec.Struct, frozen=True, array_like=True):
    """A header of which only the first field matters."""

    reference: int


_numbered_decoder: Final = msgspec.msgpack.Decoder(_Numbered)
_run_decoder: Final = msgspec.msgpack.Decoder(Run)
_heartbeat_decoder: Final = msgspec.msgpack.Decoder(HeartbeatHeader)
_heads_decoder: Final = msgspec.msgpack.Decoder(dict[str, int])

Frame: TypeAlias = bytes | bytearray
Frames: TypeAlias = Sequence[Frame]


def lane_frames(header: LaneHeader, *body: Frame) -> list[Frame]:
    """The frames of a lane message: verb, header, body frames."""
    return [VERB_OF[type(header)], encode(header), *body]


def read_from_peer(frames: Sequence[bytes]) -> LaneHeader:
    """Header of a message that came from a peer.

    Args:
        frames: verb, header, body frames.

    Raises:
        ProtocolError: reasons `truncated`, `wrong_verb`, `oversize`, `malformed`.
    """
    return _read(frames, _BROKER_DECODERS, HEADER_LIMIT_BYTES)


def read_from_broker(frames: Sequence[bytes]) -> LaneHeader:
    """Header of a message that came from the broker, which may hold the heads of all topics.

    Raises:
        ProtocolError: as `read_from_peer`.
    """
    return _read(frames, _PEER_DECODERS, BODY_LIMIT_BYTES)


def _read(
    frames: Sequence[bytes], decoders: dict[bytes, msgspec.msgpack.Decoder[Header]], limit_bytes: int
) -> LaneHeader:
    if len(frames) < 2:
        raise ProtocolError("truncated", f"expected a verb and a header, found {len(frames)} frame(s)")
    decoder = decoders.get(frames[0])
    if decoder is None:
        raise ProtocolError(
            "wrong_verb",
            f"found {bytes(frames[0][:32])!r}; expected one of {b', '.join(sorted(decoders)).decode()}",
        )
    if len(frames[1]) > limit_bytes:
        raise ProtocolError(
            "oversize", f"the header has {len(frames[1])} bytes; expected at most {limit_bytes}"
        )
    try:
        return decoder.decode(frames[1])  # type: ignore[return-value]  # the tables hold lane headers only
    except UNREADABLE as error:
        raise ProtocolError("malformed", f"header of {frames[0].decode()}: {error}") from error


def reference_of(frames: Sequence[bytes]) -> int:
    """Id or serial of a message that may be broken; 0: it has none."""
    try:
        reference = _numbered_decoder.decode(frames[1]).reference
    except (*UNREADABLE, IndexError):
        return 0
    return reference if 0 < reference < 2**63 else 0


def read_run(frame: bytes) -> Run:
    """The feed header of a run.

    Raises:
        ProtocolError: reason `malformed`.
    """
    try:
        return _run_decoder.decode(frame)
    except UNREADABLE as error:
        raise ProtocolError("malformed", f"feed header: {error}") from error


def read_heartbeat(header: bytes, body: bytes) -> tuple[HeartbeatHeader, dict[str, int]]:
    """The heartbeat, and the newest number of each topic.

    Raises:
        ProtocolError: reason `malformed`.
    """
    try:
        return _heartbeat_decoder.decode(header), _heads_decoder.decode(body)
    except UNREADABLE as error:
        raise ProtocolError("malformed", f"heartbeat: {error}") from error
