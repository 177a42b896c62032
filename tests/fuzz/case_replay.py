"""Plays kept cases on fresh runtimes, and says what comes of them."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from tests.fuzz.file_changes import apply
from tests.fuzz.findings import FileStep, Finding, Findings, KeptCase, LieStep, RequestStep, Step
from tests.fuzz.fuzzed_runtime import FuzzedRuntime, credentials
from tests.fuzz.liar import lie_of
from tests.fuzz.request_cases import misfits
from tests.fuzz.survey import not_ready, survey
from tests.fuzz.witness import Witness
from tests.hostile.hostile_peer import HostilePeer, hostile
from tests.support.lying_server import LyingServer

ANSWER_SECONDS: Final = 20.0


@contextlib.contextmanager
def replayed_runtime() -> Iterator[tuple[FuzzedRuntime, LyingServer]]:
    """A fresh runtime for kept cases, with what the witness stores first."""
    with tempfile.TemporaryDirectory(prefix="uf-") as directory:
        server = LyingServer()
        world = FuzzedRuntime(Path(directory), server.url)
        try:
            world.start()
            yield world, server
        finally:
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                world.end()
            server.__exit__(None, None, None)


def play(
    world: FuzzedRuntime, server: LyingServer, steps: Sequence[Step], find: Callable[[Finding], object]
) -> None:
    """Make the steps, one after the other; each request waits for its outcome, and a reply has to fit."""
    named = next(iter(credentials().items()))
    with hostile(world.runtime) as first, hostile(world.runtime) as guest:
        assert first.hello(*named) == ""
        assert guest.hello("guest-of-the-replay") == ""
        for step in steps:
            if isinstance(step, FileStep):
                with contextlib.suppress(OSError):
                    apply(world.home, step.change)
                continue
            if isinstance(step, LieStep):
                server.tell(lie_of(step))
                continue
            peer = first if step.is_named else guest
            peer.lane.send_multipart(step.frames)
            peer._ids += 1
            peer.send("PING", [peer._ids])
            if body := _outcome(peer, step):
                for finding in misfits(step.topic, step.frames[-1], body):
                    find(finding)


def _outcome(peer: HostilePeer, step: RequestStep) -> bytes:
    """The body of the reply to a request; empty if it failed, or is answered by the PING behind it alone."""
    has_outcome = step.way not in ("header", "cancelled", "again")
    while True:
        found = peer.hear_lane(ANSWER_SECONDS)
        if found is None:
            return b""
        verb, header, body = found
        if verb in ("REPLY", "FAILED") and has_outcome:
            return body[0] if verb == "REPLY" else b""
        if verb == "PONG" and header[0] == peer._ids and not has_outcome:
            return b""


def findings_of(case: KeptCase) -> list[Finding]:
    """Play a case on a fresh runtime, and look at what is left."""
    reads_back = case.found.startswith("gone")  # changes of other cases may rightly cost what was stored
    found = Findings()
    with replayed_runtime() as (world, server):
        witness = Witness(world, found.add)
        try:
            witness.prepare()
            play(world, server, case.steps, found.add)
            survey(world, "after the case", found.add)
            if reads_back:
                witness.read_back("after the case")
            if code := world.end():
                found.add(Finding("exit code", "runtime", f"{code}"))
            for finding in not_ready(world.start(), "after a restart"):
                found.add(finding)
            survey(world, "after a restart", found.add)
            if reads_back:
                witness.read_back("after a restart")
        except (AssertionError, subprocess.TimeoutExpired) as error:
            found.add(Finding("silent", "runtime", str(error)))
        finally:
            witness.leave()
    return found.found
