"""A bundled runtime with real processes in a home of its own: the one that everything is tried on."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import shutil
import threading
from pathlib import Path
from typing import Any, Final

from tests.hostile.hostile_peer import HostilePeer
from tests.support.http_servers import public_key_text
from tests.support.lying_server import SHA256, WEIGHTS
from tests.support.runtime_process import RuntimeProcess
from tests.support.signed_manifests import KEY

PROFILE: Final = Path(__file__).parents[2] / "actors" / "runtime" / "profiles" / "dictation"
NAMED_PEERS: Final = 12
REVEALING_PEERS: Final = 4
LYING_MODELS: Final = 24
TRACEBACK: Final = re.compile(r"Traceback \(most recent call last\)")
MIB: Final = 2**20

TABLES: Final = """
[[namespaces]]
name = "witness"
owner = "witness"

[[namespaces]]
name = "scratch"

[[peers]]
name = "witness"

[sources]
ollama = "{url}"

[manifest]
url = "{url}/models.json"
keys = ["{key}"]
refresh_hours = 0
"""
PEER: Final = """
[[peers]]
name = "{name}"
reveal_secrets = {reveals}
"""


def model(id: str, category: str, url: str, licence: str = "MIT") -> dict[str, Any]:
    """An entry of `models.json`, all of whose models have the same content."""
    file = {"path": "model.bin", "size_bytes": len(WEIGHTS), "sha256": SHA256, "urls": [url]}
    entry = {"id": id, "name": id, "category": category, "licence": licence, "files": [file]}
    return entry | (
        {"licence_url": "https://example.org/l", "accept_licence": True} if licence != "MIT" else {}
    )


def credentials() -> dict[str, str]:
    """The named peers of the crowd, each with its credential."""
    return {f"named-{n}": hashlib.sha256(b"peer %d" % n).hexdigest() for n in range(NAMED_PEERS)}


WITNESS_CREDENTIAL: Final = hashlib.sha256(b"witness").hexdigest()


class FuzzedRuntime:
    """One home, and the runtime that lives in it from time to time.

    Attributes:
        home: all that it keeps.
        editing: held by those who write what the others must not write at the same time.
        evidence: what actors wrote before they were restarted.
        memory: MiB of each process when it was last measured, by its name.
    """

    def __init__(self, directory: Path, url: str) -> None:
        self.home = directory / "home"
        self.profile = directory / "profile"
        self.elsewhere = directory / "elsewhere"
        self.elsewhere.mkdir(parents=True)
        self.editing = threading.Lock()
        self.evidence: list[str] = []
        self.memory: dict[str, float] = {}
        self._environment = {
            "UNDERCROFT_KEYCHAIN": f"file:{directory / 'keychain.json'}",
            "UNDERCROFT_PEER_CREDENTIALS": json.dumps({"witness": WITNESS_CREDENTIAL, **credentials()}),
            "HF_ENDPOINT": url,
            "NO_PROXY": "127.0.0.1",
        }
        self._write_profile(url)
        self.process: RuntimeProcess | None = None

    def _write_profile(self, url: str) -> None:
        shutil.copytree(PROFILE, self.profile, ignore=shutil.ignore_patterns("__pycache__"))
        models = [
            model("witness-model", "stt", f"{url}/files/witness"),
            model("witness-licensed", "stt", f"{url}/files/licensed", "other"),
            model("whisper-base", "stt", f"{url}/files/whisper"),
            model("silero-vad", "vad", f"{url}/files/vad"),
            *(model(f"lie-{n}", "llm", f"{url}/files/{n}") for n in range(LYING_MODELS)),
        ]
        (self.profile / "models.json").write_text(json.dumps({"format": 1, "models": models}))
        tables = TABLES.format(url=url, key=public_key_text(KEY))
        for number, name in enumerate(credentials()):
            tables += PEER.format(name=name, reveals=str(number < REVEALING_PEERS).lower())
        profile = self.profile / "profile.toml"
        profile.write_text(profile.read_text(encoding="utf-8") + tables, encoding="utf-8")

    def start(self) -> dict[str, Any]:
        """Start it; what the supervisor says once it has settled.

        Raises:
            AssertionError: it did not settle.
        """
        self.process = RuntimeProcess(self.home, self.profile, environment=self._environment)
        return self.process.wait_settled()

    def end(self) -> int:
        """Stop it; its exit code, 0 if it does not run."""
        process, self.process = self.process, None
        if process is None:
            return 0
        try:
            return process.end()
        finally:
            process.clean_up()

    @property
    def runtime(self) -> dict[str, Any]:
        """What `runtime.json` said at its start."""
        found: dict[str, Any] = json.loads((self.home / "state" / "runtime.json").read_text())
        return found

    def measure(self) -> float:
        """Proportional set size of all its processes, in MiB; 0 where there is no /proc."""
        assert self.process is not None
        self.memory = {}
        for pid in self.process.look() | {self.process.pid}:
            with contextlib.suppress(OSError, StopIteration, ValueError):
                rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
                line = next(line for line in rollup.splitlines() if line.startswith("Pss:"))
                name = Path(f"/proc/{pid}/comm").read_text().strip()
                self.memory[name] = self.memory.get(name, 0.0) + round(int(line.split()[1]) / 1024, 1)
        return round(sum(self.memory.values()), 1)

    def tracebacks(self, peer: HostilePeer | None) -> list[str]:
        """What looks like a traceback in stderr, in files, and in the log of the supervisor."""
        found = []
        for path in [self.home / "stderr.log", *(self.home / "logs").rglob("*")]:
            if path.is_file() and not path.is_symlink() and path.stat().st_size < 256 * MIB:
                found += _tracebacks(path.name, path.read_text(encoding="utf-8", errors="replace"))
        if peer is not None:
            verb, reported = peer.ask("supervision.logs", {"limit": 100_000})
            lines = reported["lines"] if verb == "REPLY" else []
            found += _tracebacks(
                "supervisor", "\n".join(f"{line['actor']}: {line['text']}" for line in lines)
            )
        return found


def _tracebacks(name: str, text: str) -> list[str]:
    return [f"{name}: {text[match.start() : match.start() + 1500]}" for match in TRACEBACK.finditer(text)][:3]
