"""The protocol of the bus as code: headers, frames, limits. Bytes in, typed headers out, and back. Pure.

`bus/PROTOCOL.md` describes the protocol, with golden frames. A message on the lane is a verb, a header and
body frames; a message on the feed is a topic, a header and a body. Headers are MessagePack arrays: a later
version appends fields, and an earlier one ignores them. Bodies hold events, which this package counts but
does not read.

Start with `headers.py`: one frozen struct for each verb. `frames.py` reads and writes them, `bodies.py`
checks bodies, `limits.py` has the names, patterns and sizes that both sides agree on. All of it is imported
from here.
"""

from bus.discovery import PROTOCOL_VERSION
from bus.wire.bodies import check_event, check_events
from bus.wire.frames import (
    VERB_OF,
    Frame,
    Frames,
    encode,
    lane_frames,
    read_from_broker,
    read_from_peer,
    read_heartbeat,
    read_run,
    reference_of,
)
from bus.wire.headers import (
    AcceptedHeader,
    ByeHeader,
    CancelHeader,
    FailedHeader,
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
from bus.wire.limits import (
    BODY_LIMIT_BYTES,
    EVENT_COUNT_LIMIT,
    HEADER_LIMIT_BYTES,
    HEARTBEAT_SECONDS,
    HEARTBEAT_TOPIC,
    PATTERN_LIMIT,
    UNREADABLE,
    WELCOME_FRAME,
    feed_prefix,
    is_name,
    matches,
)
from bus.wire.readable_values import (
    DEPTH_LIMIT,
    check_encoded,
    check_plain_event,
    encode_checked,
    is_open,
)

__all__ = [
    "BODY_LIMIT_BYTES",
    "DEPTH_LIMIT",
    "EVENT_COUNT_LIMIT",
    "HEADER_LIMIT_BYTES",
    "HEARTBEAT_SECONDS",
    "HEARTBEAT_TOPIC",
    "PATTERN_LIMIT",
    "PROTOCOL_VERSION",
    "UNREADABLE",
    "VERB_OF",
    "WELCOME_FRAME",
    "AcceptedHeader",
    "ByeHeader",
    "CancelHeader",
    "FailedHeader",
    "Frame",
    "Frames",
    "HeardHeader",
    "HeartbeatHeader",
    "HelloHeader",
    "LaneHeader",
    "PingHeader",
    "PongHeader",
    "PublishHeader",
    "ReplayHeader",
    "ReplayedHeader",
    "RepliedHeader",
    "ReplyHeader",
    "RequestHeader",
    "Run",
    "ServeHeader",
    "SnapshotHeader",
    "SnapshottedHeader",
    "WelcomeHeader",
    "check_encoded",
    "check_event",
    "check_events",
    "check_plain_event",
    "encode",
    "encode_checked",
    "feed_prefix",
    "is_name",
    "is_open",
    "lane_frames",
    "matches",
    "read_from_broker",
    "read_from_peer",
    "read_heartbeat",
    "read_run",
    "reference_of",
]
