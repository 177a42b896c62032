"""The benchmarks run, and print what they promise. None of this looks at how fast anything is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
PATIENCE_SECONDS = 60.0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="the benchmarks use ipc sockets and signals"),
]


def run_benchmark(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"tests.benchmarks.bench_{name}", *arguments]
    return subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("throughput", "events_per_second"),
        ("loss", "lossless_events_per_second"),
        ("latency", "p50_us"),
        ("request", "no_responder_p50_us"),
        ("fanout", "deliveries_per_second"),
        ("load", "run100_heard_s"),
        ("redaction", "mib_per_second"),
        ("recovery", "p50_ms"),
        ("footprint", "pss_mb"),
        ("install", "seconds"),
        ("readiness", "verified_ms"),
        ("models", "cpu_seconds_per_gib"),
        ("models_limited", "mib_per_second"),
        ("models_many", "seconds"),
        ("models_memory", "downloader_mb"),
        ("models_killed", "fetched_twice_mib_a_connection"),
        ("config", "p50_us"),
        ("logs", "core_percent"),
        ("history", "durable_p50_us"),
        ("state", "p50_us"),
        ("documents", "read_p50_us"),
        ("backup", "seconds"),
    ],
)
def test_benchmark_prints_one_object_with_medians_ratios_and_who_was_skipped(name: str, metric: str) -> None:
    if name == "footprint" and not sys.platform.startswith("linux"):
        pytest.skip("memory is read from Linux's /proc")
    ended = run_benchmark(name, "--quick", "--runs", "1", "--json")
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    if "undercroft" in found["skipped"]:
        pytest.skip(found["skipped"]["undercroft"])
    assert found["benchmark"] == name
    assert (found["rounds"], found["is_quick"]) == (1, True)
    assert found["medians"]["undercroft"][metric] > 0
    assert set(found["samples"]) == set(found["medians"])
    assert set(found["samples"]).isdisjoint(found["skipped"])
    assert found["targets"], "every benchmark has a target"
    for target in found["targets"]:
        assert set(target) == {"target", "limit", "at_least", "value", "is_met"}
        assert (target["value"] is None) == (target["is_met"] is None)


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
@pytest.mark.requirement("C-4")
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("starts_under_load", ["--starts", "3", "--small", "--busy", "1", "--hang-seconds", "60"]),
        ("kill_anything", ["--kills", "20", "--homes", "1"]),
    ],
)
def test_a_proof_runs_and_finds_nothing_broken(name: str, arguments: list[str]) -> None:
    command = [sys.executable, "-m", f"tests.benchmarks.{name}", *arguments]
    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=300, check=False)
    found: dict[str, Any] = json.loads(ended.stdout)
    assert found.get("troubles", found.get("broken")) == []
    assert found.get("starts", found.get("kills")) >= int(arguments[1])
    assert ended.returncode == 0


def test_only_the_chosen_contestant_takes_part_and_the_targets_that_need_others_are_not_judged() -> None:
    ended = run_benchmark("latency", "--quick", "--runs", "1", "--only", "undercroft", "--json")
    found = json.loads(ended.stdout)
    assert list(found["medians"]) == ["undercroft"]
    assert [target["is_met"] for target in found["targets"]] == [None, None]


def test_table_names_the_contestants_and_judges_the_targets() -> None:
    ended = run_benchmark("request", "--quick", "--runs", "1", "--only", "undercroft")
    assert "undercroft" in ended.stdout
    assert "target: no_responder_p50_us, undercroft <= 1000" in ended.stdout
