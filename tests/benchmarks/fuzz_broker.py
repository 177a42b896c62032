"""Ten million random and mutated messages against the broker, while a well-behaved pair goes on.

    python -m tests.benchmarks.fuzz_broker [--messages N] [--over-sockets N] [--transport ipc|tcp] [--seed S]

Most of them go to the broker core in this process, as fast as it takes them; a share goes to a real broker
over its sockets. Each is a valid message with one field or body changed, or nothing but chance. Prints what
was refused and why, the memory as it went, and how the pair was served. Exit code 1: a promise was broken.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import zmq

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from bus.client import connect  # noqa: E402
from schemas.operations.bus import BusStatisticsEvent, BusStatisticsRequestEvent  # noqa: E402
from tests.support.broker_processes import BrokerProcess, broker_options, broker_process  # noqa: E402
from tests.support.event_samples import AnswerEvent, AskEvent  # noqa: E402
from tests.support.frame_mutations import FrameMutator  # noqa: E402
from tests.support.fuzzed_core import FuzzedCore  # noqa: E402
from tests.support.raw_peer import RawPeer  # noqa: E402

MIB = 2**20
SAMPLES = 20
RING_EVENTS = 4096
"""A small ring fills soon, so that memory which grows later would be a leak."""

FLAT_MIB = 8
"""Memory may differ by so much between the middle and the end of a run."""

LANES = 6
SETTLE_SECONDS = 120


def resident_mib() -> float:
    """Memory of this process, as Linux counts it."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / MIB, 1)


def fuzz_core(messages: int, seed: int) -> dict[str, Any]:
    """Attack the core in this process."""
    fuzzed, course, began = FuzzedCore(seed), [], time.perf_counter()
    for _ in range(SAMPLES):
        fuzzed.run(messages // SAMPLES)
        course.append(resident_mib())
        print(f"  {fuzzed.sent:>10,} messages: {course[-1]} MiB, {fuzzed.replies:,} replies", file=sys.stderr)
    fuzzed.check()
    return {
        "messages": fuzzed.sent,
        "messages_per_second": round(fuzzed.sent / (time.perf_counter() - began)),
        "kinds": fuzzed.kinds,
        "refused": dict(sorted(fuzzed.refused.items())),
        "resident_course_mib": course,
        "is_flat": is_flat(course),
        "witness_requests": fuzzed.replies,
    }


def is_flat(course: list[float]) -> bool:
    """Whether memory grew no more after the middle."""
    return max(course[len(course) // 2 :]) - course[len(course) // 2] <= FLAT_MIB


def attack(broker: BrokerProcess, messages: int, seed: int, done: threading.Event) -> None:
    """Send over connections that are let in from time to time, and read whatever comes back."""
    mutator = FrameMutator(seed)
    lanes = [RawPeer(broker.runtime(), f"rude-{number}") for number in range(LANES)]
    for sent in range(messages):
        number = sent % LANES
        lane = lanes[number].lane
        if number and sent % 60 < LANES:  # the first is let in by chance alone
            lane.send_multipart(mutator.hello(f"rude-{number}", f"instance-{number}-{sent // 700}"))
        lane.send_multipart(mutator.message(number) or [b""])
        with contextlib.suppress(zmq.Again):
            while True:
                frames = lane.recv_multipart(zmq.NOBLOCK)
                if frames[0] == b"PING":
                    lane.send_multipart([b"PONG", frames[1]])
    for peer in lanes:  # what was sent before has been taken when the answer to this comes
        peer.lane.send_multipart([b"SHOUT", b"last word"])
        while b"SHOUT" not in peer.receive(SETTLE_SECONDS)[1]:
            pass
        peer.close()
    done.set()


async def be_served(
    broker: BrokerProcess, done: threading.Event, samples: list[float]
) -> tuple[list[float], BusStatisticsEvent]:
    """Ask and answer until the attack is over; every request has to succeed."""
    latencies: list[float] = []
    async with (
        connect("server", runtime=broker.runtime()) as server,
        connect("asker", runtime=broker.runtime()) as asker,
    ):
        await server.serve(["app.served"], lambda request: request.reply(AnswerEvent(text="yes")))
        ask = {"type": AskEvent.__struct_config__.tag, "text": "?"}
        while not done.is_set():
            began = time.perf_counter()
            reply = await asker.request_raw("app.served", ask, 30.0)
            latencies.append(time.perf_counter() - began)
            samples.append(round(broker.resident_bytes() / MIB, 1))
            assert reply["text"] == "yes"
            await asyncio.sleep(0.01)
        assert server.welcomes == asker.welcomes == 1
        return latencies, await asker.request(BusStatisticsRequestEvent(), 30.0)


def fuzz_sockets(messages: int, transport: str, seed: int) -> dict[str, Any]:
    """Attack a real broker."""
    with tempfile.TemporaryDirectory() as directory:
        options = broker_options(transport, Path(directory), ring_limit_events=RING_EVENTS)
        with broker_process(options) as broker:
            done, began = threading.Event(), time.perf_counter()
            attacker = threading.Thread(target=attack, args=(broker, messages, seed, done))
            attacker.start()
            samples: list[float] = []
            latencies, statistics = asyncio.run(be_served(broker, done, samples))
            attacker.join()
            latencies.sort()
            return {
                "messages": messages,
                "transport": transport,
                "messages_per_second": round(messages / (time.perf_counter() - began)),
                "refused": dict(sorted(statistics.refused.items())),
                "resident_course_mib": samples[:: max(1, len(samples) // SAMPLES)],
                "is_flat": is_flat(samples),
                "is_alive": broker.is_alive(),
                "witness_requests": len(latencies),
                "witness_median_ms": round(latencies[len(latencies) // 2] * 1000, 2),
                "witness_p99_ms": round(latencies[int(len(latencies) * 0.99)] * 1000, 2),
            }


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=10_000_000)
    parser.add_argument("--over-sockets", type=int, default=200_000)
    parser.add_argument("--transport", choices=["ipc", "tcp"], default="ipc")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    found = {
        "core": fuzz_core(arguments.messages, arguments.seed),
        "sockets": fuzz_sockets(arguments.over_sockets, arguments.transport, arguments.seed),
    }
    print(json.dumps(found, indent=1))
    return 0 if all(part["is_flat"] for part in found.values()) and found["sockets"]["is_alive"] else 1


if __name__ == "__main__":
    sys.exit(main())
