"""One million random messages against a real broker, while a well-behaved pair goes on asking and answering.

    python -m tests.benchmarks.bench_fuzz [--messages N] [--transport ipc|tcp] [--json]

Prints what the broker refused and why, its memory before and after, and how the pair was served meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zmq

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from bus import wire  # noqa: E402
from bus.client import connect  # noqa: E402
from schemas.operations.bus import BusStatisticsEvent, BusStatisticsRequestEvent  # noqa: E402
from tests.support.broker_processes import BrokerProcess, broker_options, broker_process  # noqa: E402
from tests.support.event_samples import AnswerEvent, AskEvent  # noqa: E402

VERBS = [
    b"HELLO",
    b"BYE",
    b"PUBLISH",
    b"SERVE",
    b"REQUEST",
    b"REPLY",
    b"FAILED",
    b"CANCEL",
    b"REPLAY",
    b"SNAPSHOT",
    b"PING",
    b"PONG",
]
TOPICS = [
    "app.fuzz",
    "app.ask",
    "config.settings_changed",
    "nowhere.happened",
    "bus.statistics",
    "",
    "!heartbeat",
    "app." + "x" * 200,
]
SETTLE_SECONDS = 120.0
RING_EVENTS = 4096
"""A small ring fills during the warm-up, so that memory which grows later would be a leak."""

WARM_UP_MESSAGES = 200_000


class Fuzzer:
    """Makes messages, most of them wrong in some way; the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.serial = 0

    def message(self) -> list[bytes]:
        match self.random.randrange(12):
            case 0:
                return [
                    self.random.randbytes(self.random.randrange(64))
                    for _ in range(self.random.randrange(1, 6))
                ]
            case 1:
                return [
                    self.random.choice(VERBS),
                    self.random.randbytes(self.random.randrange(100)),
                    self.body(),
                ]
            case 2:
                return [self.random.choice(VERBS), b"\x91" * self.random.randrange(1, 5000), self.body()]
            case 3:
                header = self.header()
                return [
                    self.random.choice(VERBS),
                    header[: self.random.randrange(len(header) + 1)],
                    self.body(),
                ]
            case 4 | 5 | 6 | 7:
                return [bytes(frame) for frame in wire.lane_frames(self.plausible(), self.body())]
            case _:
                return [
                    self.random.choice(VERBS),
                    self.header(),
                    *[self.body() for _ in range(self.random.randrange(3))],
                ]

    def plausible(self) -> wire.LaneHeader:
        """A header that can be read, of a message that may be wrong all the same."""
        self.serial += 1
        topic = self.random.choice([*TOPICS[:6], f"app.t{self.random.randrange(50_000)}"])
        number = self.random.choice([1, 2, 3, 2**63, self.random.randrange(1, 10_000)])
        makers: list[Callable[[], wire.LaneHeader]] = [
            lambda: wire.PublishHeader(
                self.serial, topic, 1, number, self.random.choice([None, None, str(number)])
            ),
            lambda: wire.RequestHeader(self.serial, topic, self.random.choice([1, 1000, 86_400_000])),
            lambda: wire.ReplyHeader(number),
            lambda: wire.FailedHeader(number, "busy", "no"),
            lambda: wire.ServeHeader([topic] * self.random.randrange(4)),
            lambda: wire.ReplayHeader(number, topic, number, self.random.choice([1, 2**64 - 1])),
            lambda: wire.SnapshotHeader(
                number, [self.random.choice(["*", "app.*", topic])], self.random.random() < 0.9
            ),
            lambda: wire.CancelHeader(number),
            lambda: wire.HelloHeader(
                1, self.random.choice(["asker", "alias", "broker"]), "instance-alias", "token"
            ),
            lambda: wire.PingHeader(number),
        ]
        return self.random.choice(makers)()

    def header(self) -> bytes:
        return wire.encode([self.value() for _ in range(self.random.randrange(8))])

    def value(self) -> Any:
        makers: list[Callable[[], Any]] = [
            lambda: self.random.randrange(10),
            lambda: self.random.getrandbits(64),
            lambda: self.random.choice(TOPICS),
            lambda: [self.random.choice(TOPICS) for _ in range(self.random.randrange(4))],
            lambda: None,
            lambda: f"app.t{self.random.getrandbits(20)}".replace("1", "a"),
            lambda: "token",
        ]
        return self.random.choice(makers)()

    def body(self) -> bytes:
        makers: list[Callable[[], bytes]] = [
            lambda: self.random.randbytes(self.random.randrange(200)),
            lambda: wire.encode([{"type": "app.fuzz"}]),
            lambda: wire.encode({"type": "app.fuzz"}),
            lambda: b"\x91" * self.random.randrange(3000),
            lambda: b"\xdd\xff\xff\xff\xff",
            lambda: b"",
        ]
        return self.random.choice(makers)()


def attack(broker: BrokerProcess, seed: int, messages: int, done: threading.Event) -> None:
    """Send, over connections that were let in and some that were not, and read whatever comes back."""
    fuzzer, runtime = Fuzzer(seed), broker.runtime()
    context = zmq.Context()
    lanes: list[zmq.Socket[bytes]] = []
    for _ in range(4):
        lane: zmq.Socket[bytes] = context.socket(zmq.DEALER)
        lane.linger = 0
        if runtime.curve:
            lane.curve_serverkey, lane.curve_publickey = (
                runtime.curve.server_public.encode(),
                runtime.curve.client_public.encode(),
            )
            lane.curve_secretkey = runtime.curve.client_secret.encode()
        lane.connect(runtime.lane)
        lanes.append(lane)
    for n in range(messages):
        which = n % len(lanes)
        lane = lanes[which]
        if which and n % 100 < len(
            lanes
        ):  # the first is never let in; the others may have said BYE by chance
            lane.send_multipart(
                wire.lane_frames(
                    wire.HelloHeader(1, f"fuzzer-{seed}-{which}", f"instance-{seed}-{which}", runtime.token)
                )
            )
        lane.send_multipart(fuzzer.message())
        with contextlib.suppress(zmq.Again):
            while True:
                lane.recv_multipart(zmq.NOBLOCK)
    for lane in lanes:  # whatever was sent before has been taken when the answer to this comes
        lane.send_multipart([b"SHOUT", b"last word"])
        while lane.poll(int(SETTLE_SECONDS * 1000)):
            if b"SHOUT" in lane.recv_multipart()[1]:
                break
    context.destroy(linger=0)
    done.set()


async def be_served(
    broker: BrokerProcess, done: threading.Event, samples: list[int]
) -> tuple[list[float], BusStatisticsEvent]:
    """Ask and answer until the attack is over; every request has to succeed. Samples the broker's memory."""
    latencies: list[float] = []
    async with (
        connect("server", runtime=broker.runtime()) as server,
        connect("asker", runtime=broker.runtime()) as asker,
    ):
        await server.serve(["app.witness"], lambda request: request.reply(AnswerEvent(text="yes")))
        while not done.is_set():
            began = time.perf_counter()
            reply = await asker.request_raw(
                "app.witness", {"type": AskEvent.__struct_config__.tag, "text": "?"}, 30.0
            )
            latencies.append(time.perf_counter() - began)
            if len(latencies) % 100 == 1:
                samples.append(broker.resident_bytes())
            assert reply["text"] == "yes"
            await asyncio.sleep(0.005)
        assert server.welcomes == asker.welcomes == 1
        return latencies, await asker.request(BusStatisticsRequestEvent(), 30.0)


def measure(messages: int, transport: str, seed: int) -> dict[str, Any]:
    """Run the attack; returns what is to be told."""
    with (
        tempfile.TemporaryDirectory() as directory,
        broker_process(broker_options(transport, Path(directory), ring_limit_events=RING_EVENTS)) as broker,
    ):
        warm = threading.Event()
        attack(
            broker, seed, min(messages, WARM_UP_MESSAGES), warm
        )  # what a busy broker holds anyway: ring, topics, buffers
        before, done, began = broker.resident_bytes(), threading.Event(), time.perf_counter()
        attacker = threading.Thread(target=attack, args=(broker, seed + 1, messages, done))
        attacker.start()
        samples: list[int] = []
        latencies, statistics = asyncio.run(be_served(broker, done, samples))
        attacker.join()
        latencies.sort()
        return {
            "messages": messages,
            "transport": transport,
            "seconds": round(time.perf_counter() - began, 1),
            "refused": dict(sorted(statistics.refused.items())),
            "refused_total": sum(statistics.refused.values()),
            "undeliverable": statistics.undeliverable,
            "topics": len(statistics.topics),
            "ring_bytes": statistics.ring_bytes,
            "resident_before_bytes": before,
            "resident_after_bytes": broker.resident_bytes(),
            "resident_course_mebibytes": [
                round(sample / 2**20) for sample in samples[:: max(1, len(samples) // 12)]
            ],
            "is_alive": broker.is_alive(),
            "witness_requests": len(latencies),
            "witness_median_ms": round(latencies[len(latencies) // 2] * 1000, 2),
            "witness_p99_ms": round(latencies[int(len(latencies) * 0.99)] * 1000, 2),
            "witness_failures": 0,
        }


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--transport", choices=["ipc", "tcp"], default="ipc")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(arguments.messages, arguments.transport, arguments.seed)
    if arguments.json:
        print(json.dumps(found))
        return 0
    for name, value in found.items():
        print(f"{name:>24}  {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
