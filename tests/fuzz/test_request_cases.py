"""Requests of the harness: of every type, in every way, the same for the same seed, and none that undoes."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from schemas.contract.registry import REQUESTS
from tests.fuzz.request_cases import WEIGHTS, CaseMaker
from tests.fuzz.spared_things import is_spared

NEVER_VALID = {"supervision.stop", "supervision.restart", "readiness.setup"}
"""Every valid one would stop processes, or move things; broken ones are left out, too."""


def test_every_type_is_asked_in_every_way() -> None:
    maker = CaseMaker(random.Random(1), {})
    cases = [maker.next() for _ in range(8000)]
    assert {case.topic for case in cases} == set(REQUESTS) - NEVER_VALID
    ways = Counter(case.way for case in cases)
    assert set(ways) == set(WEIGHTS)
    assert all(case.is_unfit for case in cases if case.way in ("beyond", "missing", "truncated"))
    assert not any(case.is_unfit for case in cases if case.way in ("valid", "limit", "unknown", "again"))


def test_the_same_seed_makes_the_same_requests() -> None:
    one, same, other = (CaseMaker(random.Random(seed), {}) for seed in (1, 1, 2))
    cases = [one.next() for _ in range(300)]
    assert cases == [same.next() for _ in range(300)]
    assert cases != [other.next() for _ in range(300)]


@pytest.mark.parametrize(
    ("topic", "event"),
    [
        ("supervision.stop", {}),
        ("history.clear", {}),
        ("history.clear", {"before": 1e9, "purge": True}),
        ("history.prune", {"keep_entries": 1, "keep_days": 0, "keep_mib": 0}),
        ("history.delete", {"ids": ["witness-1"]}),
        ("state.save", {"key": "witness.k1"}),
        ("documents.write", {"type_name": "MarksData"}),
        ("config.request", {"operation": "reset_defaults"}),
        ("config.request", {"operation": "update", "updates": {"dictation.max_seconds": 5}}),
        ("config.request", {"operation": "reset_section", "section": "history"}),
        ("backups.restore", {"id": "x"}),
        ("models.remove", {"model_id": "witness-model"}),
        ("paths.choose", {"category": "models"}),
    ],
)
def test_what_would_undo_is_not_asked(topic: str, event: dict[str, Any]) -> None:
    assert not is_spared(topic, event)


@pytest.mark.parametrize(
    ("topic", "event"),
    [
        ("history.clear", {"dry_run": True}),
        ("history.clear", {"before": 1e9}),
        ("state.save", {"key": "scratch.k1"}),
        ("config.request", {"operation": "update", "updates": {"vad.sensitivity": 5}}),
        ("backups.restore", {"id": "x", "keys": ["scratch.k1"]}),
        ("paths.choose", {"category": "tools"}),
    ],
)
def test_everything_else_is(topic: str, event: dict[str, Any]) -> None:
    assert is_spared(topic, event)
