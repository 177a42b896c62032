"""Stores things while the others do their worst, remembers what was acknowledged, and reads it back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.fuzz.findings import Finding
from tests.fuzz.fuzzed_runtime import WITNESS_CREDENTIAL, FuzzedRuntime
from tests.fuzz.spared_things import WITNESS_DOCUMENT
from tests.hostile.hostile_peer import HostilePeer

KEYS: Final = 40
TIMEOUT_MS: Final = 30_000
PAGE: Final = 200


class Acknowledged:
    """A value that counts up: what was asked for last, and what was acknowledged last."""

    def __init__(self) -> None:
        self.asked = 0
        self.taken = 0

    def holds(self, found: Any) -> bool:
        """Whether this may be what is there: the acknowledged value, or one that was asked for later."""
        return isinstance(found, int) and self.taken <= found <= self.asked


class Witness:
    """A named peer that behaves well.

    Attributes:
        values: by what they are, such as `state witness.k3`.
        entries: texts of the history by id.
        acknowledgements: how many there were.
        refusals: what it was refused, by reason.
    """

    def __init__(self, world: FuzzedRuntime, find: Callable[[Finding], object]) -> None:
        self.values: dict[str, Acknowledged] = {}
        self.entries: dict[str, str] = {}
        self.models: set[str] = set()
        self.acknowledgements = 0
        self.refusals: dict[str, int] = {}
        self._world = world
        self._find = find
        self._turn = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._peer: HostilePeer | None = None
        self.failed: BaseException | None = None

    def prepare(self) -> None:
        """Have the history on the disk and logs in files, and install a model."""
        peer = self.join()
        updates = {"history.persistence_mode": "disk", "diagnostics.file_logs": True}
        assert self._ask(peer, "config.request", {"operation": "update", "updates": updates})
        assert self._ask(peer, "models.install", {"model_id": "witness-model"})
        for _ in range(6):
            self.store()
        self._choose()

    def join(self) -> HostilePeer:
        """Connect anew; what `runtime.json` says now counts."""
        self.leave()
        self._peer = HostilePeer(self._world.runtime)
        assert self._peer.hello("witness", WITNESS_CREDENTIAL) == ""
        return self._peer

    def leave(self) -> None:
        """Vanish."""
        if self._peer is not None:
            self._peer.close()
            self._peer = None

    def start(self) -> None:
        """Store one thing after the other, until it is stopped."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Store no more."""
        self._stopping.set()
        self._thread.join(60)

    def _run(self) -> None:
        try:
            while not self._stopping.wait(0.01):
                with self._world.editing:
                    self.store()
        except BaseException as error:
            self.failed = error

    def store(self) -> None:
        """Store the next thing."""
        self._turn += 1
        turn = self._turn
        match turn % 6:
            case 0:
                key = f"witness.k{turn % KEYS}"
                self._count(f"state {key}", "state.save", lambda value: {"key": key, "value": value})
            case 1:
                seconds = "setting dictation.max_seconds"
                if self.values.setdefault(seconds, Acknowledged()).asked == 0:
                    self.values[seconds].asked = self.values[seconds].taken = 300
                self._count(
                    seconds,
                    "config.request",
                    lambda value: {"operation": "update", "updates": {"dictation.max_seconds": value}},
                )
            case 2:
                self._append()
            case 3:
                self._count(
                    f"document {WITNESS_DOCUMENT}",
                    "documents.write",
                    lambda value: {
                        "type_name": WITNESS_DOCUMENT,
                        "value": {"marks": [{"label": "witness", "x": value, "y": 0}]},
                    },
                )
            case 4:
                keys = [f"witness.b{turn % KEYS}", f"witness.c{turn % KEYS}"]
                self._count(
                    f"batch {keys[0]} {keys[1]}",
                    "state.save_batch",
                    lambda value: {
                        "operations": [{"type": "save", "key": key, "value": value} for key in keys]
                    },
                )
            case _ if turn % 240 == 11:
                self._choose()

    # -- what it stores

    def _count(self, what: str, topic: str, event: Callable[[int], dict[str, Any]]) -> None:
        counter = self.values.setdefault(what, Acknowledged())
        counter.asked += 1
        reply = self._ask(self._peer, topic, event(counter.asked))
        if reply and reply.get("success", True) and reply.get("durable", True):
            counter.taken = counter.asked

    def _append(self) -> None:
        text = f"the witness said {self._turn}"
        reply = self._ask(self._peer, "history.append", {"text": text, "conversation_id": "witness"})
        if reply and reply["storage"] == "disk":
            self.entries[reply["entry"]["id"]] = text

    def _choose(self) -> None:
        turn = self._turn
        path = self._world.elsewhere / f"witness-{turn}.bin"
        path.write_bytes(f"model {turn}".encode())
        id = f"witness-added-{turn}"
        if self._ask(self._peer, "models.add", {"name": f"file:{path}", "model_id": id, "category": "stt"}):
            self.models.add(id)
        self._ask(self._peer, "models.accept_licence", {"model_id": "witness-licensed"})
        place = self._world.elsewhere / f"workspace-{turn}"
        counter = self.values.setdefault("choice workspace", Acknowledged())
        counter.asked = turn
        event = {"category": "workspace", "path": str(place), "create_missing": True}
        reply = self._ask(self._peer, "paths.choose", event)
        if reply and reply["accepted"]:
            counter.taken = turn

    def _ask(self, peer: HostilePeer | None, topic: str, event: dict[str, Any]) -> dict[str, Any] | None:
        assert peer is not None
        verb, reply = peer.ask(topic, event, timeout_ms=TIMEOUT_MS)
        if verb != "REPLY":
            words = f"{topic}: {verb}: {reply}"[:200]
            self.refusals[words] = self.refusals.get(words, 0) + 1
            return None
        if reply.get("success") is False or reply.get("accepted") is False:
            words = f"{topic}: {reply.get('message') or reply.get('problems')}"[:200]
            self.refusals[words] = self.refusals.get(words, 0) + 1
        else:
            self.acknowledgements += 1
        return dict(reply)

    # -- what it reads back

    def read_back(self, when: str) -> None:
        """Find everything that was acknowledged, or report it as gone."""
        peer = self.join()
        for what, counter in self.values.items():
            for found in self._found(peer, what):
                if not counter.holds(found):
                    detail = f"found {found!r} {when}, acknowledged {counter.taken}, asked {counter.asked}"
                    self._find(Finding("gone", what.split(" ")[0], f"{what}: {detail}"))
        ids = list(self.entries)
        for at in range(0, len(ids), PAGE):
            wanted = ids[at : at + PAGE]
            verb, page = peer.ask("history.query", {"ids": wanted, "limit": PAGE}, timeout_ms=TIMEOUT_MS)
            texts = {entry["id"]: entry["text"] for entry in page["entries"]} if verb == "REPLY" else {}
            lost = [id for id in wanted if texts.get(id) != self.entries[id]]
            if lost:
                self._find(
                    Finding("gone", "history", f"{len(lost)} entries {when}; {verb} {str(page)[:300]}")
                )
        verb, listed = peer.ask("models.list", timeout_ms=TIMEOUT_MS)
        known = (
            {status["model_id"]: status["state"] for status in listed["models"]} if verb == "REPLY" else {}
        )
        for id in self.models - known.keys():
            self._find(Finding("gone", "models", f"{id} {when}; {verb} {str(listed)[:300]}"))
        if known.get("witness-model") not in ("installed", "verifying"):
            detail = f"witness-model is {known.get('witness-model')} {when}"
            self._find(Finding("gone", "models", detail))

    def _found(self, peer: HostilePeer, what: str) -> list[Any]:
        kind, *names = what.split(" ")
        match kind:
            case "state" | "batch":
                replies = [peer.ask("state.load", {"key": name}, timeout_ms=TIMEOUT_MS) for name in names]
                return [reply.get("value") if verb == "REPLY" else reply for verb, reply in replies]
            case "setting":
                verb, reply = peer.ask(
                    "config.request", {"operation": "get_effective"}, timeout_ms=TIMEOUT_MS
                )
                return [reply["settings"]["dictation"]["max_seconds"] if verb == "REPLY" else reply]
            case "document":
                verb, reply = peer.ask("documents.read", {"type_name": names[0]}, timeout_ms=TIMEOUT_MS)
                marks = reply["value"]["marks"] if verb == "REPLY" else []
                return [marks[0]["x"] if marks else reply if verb != "REPLY" else None]
            case _:
                verb, reply = peer.ask("paths.list", timeout_ms=TIMEOUT_MS)
                paths = {path["category"]: path for path in reply["paths"]} if verb == "REPLY" else {}
                workspace = paths.get("workspace", {"next_path": "", "path": ""})
                chosen = workspace["next_path"] or workspace["path"]
                number = Path(chosen).name.removeprefix("workspace-")
                return [int(number) if number.isdigit() else chosen or reply]
