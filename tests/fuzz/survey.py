"""Asks each actor something real, and the supervisor what became of all of them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, Final

from tests.fuzz.findings import Finding
from tests.fuzz.fuzzed_runtime import FuzzedRuntime
from tests.hostile.hostile_peer import HostilePeer, hostile

TIMEOUT_MS: Final = 30_000
EVIDENCE_LINES: Final = 400

QUESTIONS: Final[tuple[tuple[str, str, dict[str, Any], Callable[[Any], bool]], ...]] = (
    (
        "broker",
        "bus.statistics",
        {},
        lambda reply: reply["uptime_seconds"] >= 0 if "uptime_seconds" in reply else True,
    ),
    ("config_store", "config.request", {"operation": "get_effective"}, lambda reply: reply["success"]),
    ("config_store", "config.describe", {}, lambda reply: bool(reply)),
    ("locations", "paths.list", {}, lambda reply: len(reply["paths"]) == 6),
    ("model_downloader", "models.list", {}, lambda reply: len(reply["models"]) > 10),
    ("model_sources", "models.refresh", {}, lambda reply: bool(reply["outcome"])),
    ("readiness", "readiness.report", {}, lambda reply: bool(reply)),
    (
        "state_store",
        "state.save",
        {"key": "scratch.survey", "value": {"a": 1}},
        lambda reply: reply["revision"] > 0,
    ),
    ("state_store", "state.load", {"key": "scratch.survey"}, lambda reply: reply["value"] == {"a": 1}),
    ("state_store", "state.health", {}, lambda reply: reply["keys"] > 0),
    ("diagnostics", "logs.read_ring", {"limit": 10}, lambda reply: "records" in reply),
    ("diagnostics", "diagnostics.generate", {}, lambda reply: bool(reply)),
    ("history", "history.status", {}, lambda reply: bool(reply)),
)
"""Actor, topic, fields of the request, and whether a reply is right."""


def survey(world: FuzzedRuntime, when: str, find: Callable[[Finding], object]) -> list[dict[str, Any]]:
    """Ask everybody; report who does not serve, was restarted or is not ready.

    Args:
        world: the runtime.
        when: for people.
        find: takes what is found.

    Returns:
        The states of the actors, as the supervisor says.
    """
    with hostile(world.runtime) as peer:
        refused = peer.hello(f"survey-{uuid.uuid4().hex[:8]}")
        if refused:
            find(Finding("silent", "broker", f"{when}: HELLO is refused: {refused}"))
            return []
        for actor, topic, event, is_right in QUESTIONS:
            _ask(peer, actor, topic, event, is_right, when, find)
        _remember(peer, when, find)
        verb, overview = peer.ask("supervision.status", timeout_ms=TIMEOUT_MS)
        if verb != "REPLY":
            find(Finding("silent", "supervisor", f"{when}: {overview}"))
            return []
        for finding in not_ready(overview, when):
            find(finding)
        for actor in overview["actors"]:
            if actor["restarts"] or actor["crashes"]:
                end = actor["last_end"] or {}
                words = f"{end.get('kind')}: {end.get('reason')}: {end.get('words')}"
                world.evidence.append(f"== {actor['actor']} {when}: {words}\n{_said(peer, actor['actor'])}")
                find(Finding("restarted", actor["actor"], f"{when}: {actor['restarts']} times: {words}"))
        for traceback in world.tracebacks(peer):
            find(Finding("traceback", traceback.partition(":")[0], f"{when}: {traceback}"))
        return list(overview["actors"])


def _said(peer: HostilePeer, actor: str) -> str:
    """What an actor wrote last, such as the stacks of one that hung."""
    verb, reported = peer.ask("supervision.logs", {"actor": actor, "limit": 20_000}, timeout_ms=TIMEOUT_MS)
    if verb != "REPLY":
        return str(reported)
    written = [line["text"] for line in reported["lines"] if not line.get("recorded")]
    return "\n".join(written[-EVIDENCE_LINES:])


def not_ready(overview: dict[str, Any], when: str) -> list[Finding]:
    """The actors that are not ready, as the supervisor says."""
    return [
        Finding("not ready", actor["actor"], f"{when}: {actor['state']}: {actor['reason']}")
        for actor in overview["actors"]
        if actor["state"] != "ready"
    ]


def _ask(
    peer: HostilePeer,
    actor: str,
    topic: str,
    event: dict[str, Any],
    is_right: Callable[[Any], bool],
    when: str,
    find: Callable[[Finding], object],
) -> Any:
    verb, reply = peer.ask(topic, event, timeout_ms=TIMEOUT_MS)
    if verb != "REPLY" or not is_right(reply):
        find(Finding("silent", actor, f"{when}: {topic}: {verb}: {str(reply)[:400]}"))
    return reply


def _remember(peer: HostilePeer, when: str, find: Callable[[Finding], object]) -> None:
    """Have the history take an entry, and give it back."""
    text = "the survey said this"
    reply = _ask(
        peer, "history", "history.append", {"text": text}, lambda reply: "entry" in reply, when, find
    )
    if not isinstance(reply, dict):
        return
    id = reply["entry"]["id"]
    _ask(
        peer,
        "history",
        "history.query",
        {"ids": [id], "limit": 10},
        lambda page: [entry["text"] for entry in page["entries"]] == [text],
        when,
        find,
    )
