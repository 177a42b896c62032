"""One run: start, storm, survey, restart, rough edits, survey again."""

from __future__ import annotations

import collections
import contextlib
import json
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.fuzz.file_vandal import FileVandal
from tests.fuzz.findings import FileStep, Finding, Findings, Step
from tests.fuzz.fuzzed_runtime import LYING_MODELS, FuzzedRuntime, credentials
from tests.fuzz.liar import Liar, model_names
from tests.fuzz.peer_crowd import PeerCrowd, SharedWords
from tests.fuzz.survey import not_ready, survey
from tests.fuzz.witness import Witness
from tests.hostile.hostile_peer import hostile
from tests.support.lying_server import SHA256, WEIGHTS, LyingServer

GENTLE_SHARE: Final = 0.7
"""Of the time; the rest is for rough edits."""

PROGRESS_SECONDS: Final = 5.0
IDLE_LOOKS: Final = 40
IDLE_LOOK_SECONDS: Final = 0.5
MEMORY_MIB: Final = 200.0
"""Memory may be larger than at the start by so much: the broker's ring and what it retains may take 64 MiB
each, and the index of what was stored grows with it."""

REMEMBERED_STEPS: Final = 300
ANSWER_SECONDS: Final = 20.0


def words_for(server: LyingServer, elsewhere: Path) -> dict[str, list[Any]]:
    """Values that mean something to the actors, by the name of a field."""
    models = ["silero-vad", "whisper-base", *(f"lie-{n}" for n in range(LYING_MODELS))]
    keys = [
        f"{space}.k{n}" for space in ("scratch", "layout", "config", "settings", "history") for n in range(6)
    ]
    paths = ["vad.sensitivity", "vad", "stt.language", "ui.theme", "assistant.enabled", "ui.overlay", "stt"]
    tools = [str(elsewhere / f"tools-{n}") for n in range(4)]
    return {
        "model_id": models,
        "name": [*model_names(server), f"file:{elsewhere}/nothing"],
        "key": keys,
        "keys": keys,
        "prefix": ["scratch", "scratch.", "layout", ""],
        "section": paths,
        "path": [*paths, *tools],
        "updates key": paths,
        "updates value": [0.3, "de", True, False, "light", 0, 2],
        "resets": paths,
        "type_name": ["CommandsData", "GridClicksData", "AgenticPromptsData", "SoundMappingsData"],
        "actor": ["broker", "config_store", "history", "state_store", "supervisor"],
        "location": [""],
        "category": ["stt", "vad", "llm", "tts", "tools"],
        "sha256": ["", SHA256],
        "size_bytes": [len(WEIGHTS)],
        "words": ["the", "witness said", "x"],
        "conversation_id": ["", "a", "b"],
        "wait_seconds": [0, 0.1],
        "ttl_seconds": [1, 60, 3600],
        "directory": [str(elsewhere)],
        "schema": [""],
    }


class FuzzRun:
    """One run of the harness.

    Attributes:
        numbers: for the report.
    """

    def __init__(self, directory: Path, seed: int, peers: int, say: Callable[[str], None]) -> None:
        self.seed = seed
        self._findings = Findings()
        self.numbers: dict[str, Any] = {"seed": seed, "peers": peers}
        self._requests: collections.deque[Step] = collections.deque(maxlen=REMEMBERED_STEPS)
        self._changes: list[Step] = []
        self.suspects: dict[str, list[Step]] = {}
        self.evidence: list[str] = []
        self._lock = threading.Lock()
        self._say = say
        self._peers = peers
        self._server = LyingServer()
        self._liar = Liar(self._server, seed, self.remember)
        self._world = FuzzedRuntime(directory, self._server.url)
        self._witness = Witness(self._world, self.find)
        self._vandal = FileVandal(self._world, seed, self.remember)

    @property
    def findings(self) -> list[Finding]:
        """What was found, each kind once."""
        return self._findings.found

    def find(self, finding: Finding) -> None:
        """Take a finding; of each kind the first one."""
        with self._lock:
            if self._findings.add(finding):
                self.suspects[f"{finding.promise} {finding.subject}"] = self.steps()
                self._say(f"FOUND {finding}")

    def remember(self, step: Step) -> None:
        """Take a step before it is made."""
        with self._lock:
            if isinstance(step, FileStep):
                self._changes.append(step)
            else:
                self._requests.append(step)

    def steps(self) -> list[Step]:
        """What may have a part in a finding: all changes of files, and the newest requests and lies."""
        return [*self._changes, *self._requests]

    def run(self, seconds: float, gentle_share: float = GENTLE_SHARE) -> None:
        """All of it; `gentle_share`: of the time, before files are edited roughly."""
        try:
            self._begin()
            self._storm(seconds * gentle_share)
            self._check("after the storm")
            self._restart("after the storm and a restart")
            self._edit_roughly(seconds * (1 - gentle_share))
            self._survey("after rough edits")
            self._restart("after rough edits and a restart", reads_back=False)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            self.find(Finding("silent", "runtime", str(error)[:3000]))
        finally:
            self._end()

    def _begin(self) -> None:
        began = time.monotonic()
        for finding in not_ready(self._world.start(), "at the start"):
            self.find(finding)
        self._witness.prepare()
        self._survey("at the start")
        self.numbers["memory_before_mib"] = self._world.measure()
        self.numbers["memory_before"] = self._world.memory
        self._say(f"started in {time.monotonic() - began:.1f} s, {self.numbers['memory_before_mib']} MiB")

    def _storm(self, seconds: float) -> None:
        words = SharedWords(words_for(self._server, self._world.elsewhere))
        crowd = PeerCrowd(
            self._world.runtime, credentials(), self._peers, self.seed, words, self.find, self.remember
        )
        crowd.start()
        self._witness.start()
        self._vandal.start(is_rough=False)
        self._liar.start()
        self._watch(seconds, crowd)
        self._vandal.stop()
        self._witness.stop()
        self._liar.stop()
        crowd.stop()
        self.numbers |= {
            "requests": crowd.numbers.asked,
            "ways": dict(crowd.numbers.ways),
            "verdicts": {topic: dict(counts) for topic, counts in sorted(crowd.numbers.verdicts.items())},
            "mean_seconds": {
                topic: round(seconds / crowd.numbers.verdicts[topic].total(), 2)
                for topic, seconds in crowd.numbers.seconds.most_common(12)
            },
            "other_messages": crowd.numbers.frames,
            "vanished": crowd.numbers.vanished,
            "died": crowd.deaths[:20],
            "valid_but_invalid": dict(crowd.odd_refusals.most_common(20)),
            "changed_files": self._vandal.counts.total(),
            "acknowledged": self._witness.acknowledgements,
            "witness_refused": self._witness.refusals,
        }
        for part in (self._witness, self._vandal):
            if part.failed is not None:
                self.find(Finding("silent", "harness", f"{type(part).__name__}: {part.failed!r}"))

    def _watch(self, seconds: float, crowd: PeerCrowd) -> None:
        """Wait, say how far it is, and look for actors that were restarted."""
        began, known = time.monotonic(), 0
        while (gone := time.monotonic() - began) < seconds:
            time.sleep(min(PROGRESS_SECONDS, seconds - gone + 0.01))
            crashes = self._crashes()
            if len(crowd.deaths) + crashes > known:
                known = len(crowd.deaths) + crashes
                self.suspects.setdefault("restarted", self.steps())
            self._say(
                f"{gone:5.0f} s: {crowd.numbers.asked:,} requests, "
                f"{self._vandal.counts.total()} files changed, {self._liar.told.total()} lies, "
                f"{self._witness.acknowledgements:,} acknowledged, {crashes} crashes; "
                f"waiting: {crowd.waiting()}"
            )

    def _crashes(self) -> int:
        with contextlib.suppress(AssertionError), hostile(self._world.runtime) as peer:
            peer.limit_seconds = ANSWER_SECONDS
            if not peer.hello(f"watch-{time.monotonic_ns()}"):
                verb, overview = peer.ask("supervision.status")
                if verb == "REPLY":
                    return sum(actor["crashes"] for actor in overview["actors"])
        return 0

    def _check(self, when: str) -> None:
        actors = self._survey(when)
        self.numbers["restarts"] = sum(actor["restarts"] for actor in actors)
        self._witness.read_back(when)
        bound = self.numbers["memory_before_mib"] + MEMORY_MIB
        for _ in range(IDLE_LOOKS):
            after = self._world.measure()
            if after <= bound:
                break
            time.sleep(IDLE_LOOK_SECONDS)
        self.numbers["memory_after_mib"], self.numbers["memory_after"] = after, self._world.memory
        if after > bound:
            self.find(
                Finding(
                    "memory", "all", f"{after} MiB {when}, expected at most {bound}: {self._world.memory}"
                )
            )

    def _survey(self, when: str) -> list[dict[str, Any]]:
        return survey(self._world, when, self.find)

    def _restart(self, when: str, *, reads_back: bool = True) -> None:
        self._witness.leave()
        code = self._world.end()
        if code != 0:
            self.find(Finding("exit code", "runtime", f"{code} {when}"))
        for finding in not_ready(self._world.start(), when):
            self.find(finding)
        self._survey(when)
        if reads_back:
            self._witness.read_back(when)
        self._witness.leave()

    def _edit_roughly(self, seconds: float) -> None:
        """Change files whatever it costs, while few peers ask. From here on nothing is acknowledged."""
        words = SharedWords(words_for(self._server, self._world.elsewhere))
        crowd = PeerCrowd(self._world.runtime, {}, 8, self.seed + 1, words, self.find, self.remember)
        before = self._vandal.counts.total()
        crowd.start()
        self._vandal.start(is_rough=True)
        self._watch(seconds, crowd)
        self._vandal.stop()
        crowd.stop()
        if self._vandal.failed is not None:
            self.find(Finding("silent", "harness", f"{self._vandal.failed!r}"))
        self.numbers["roughly_changed_files"] = self._vandal.counts.total() - before
        self.numbers["changes"] = dict(self._vandal.counts)
        self.numbers["requests"] += crowd.numbers.asked

    def _end(self) -> None:
        self._witness.leave()
        if self._world.process is not None:
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                self.numbers["exit_code"] = self._world.end()
        for traceback in self._world.tracebacks(None):
            self.find(Finding("traceback", traceback.partition(":")[0], f"at the end: {traceback}"))
        self._server.__exit__(None, None, None)
        self.evidence = self._world.evidence
        self.numbers["lies"] = dict(self._liar.told)
        self.numbers["findings"] = [str(finding) for finding in self.findings]


def as_json(numbers: dict[str, Any]) -> str:
    """The report."""
    return json.dumps(numbers, indent=1, ensure_ascii=True)
