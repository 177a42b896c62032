"""A report comes whatever is down, and contains nothing private."""

from __future__ import annotations

import json
import os
from pathlib import Path

import msgspec
import pytest

from actors.diagnostics.report.report_builder import AppPaths, build_report, generate, salt_at
from actors.diagnostics.report_facts import ReportFacts
from actors.shared.locations.locations import locate
from bus.broker.memory_bus import memory_bus
from bus.discovery import Runtime
from bus.telemetry.log_handler import salt_of
from schemas.operations.logs import LogRecord, LogRingReadEvent

pytestmark = pytest.mark.anyio


@pytest.fixture
def paths(tmp_path: Path) -> AppPaths:
    return AppPaths(
        locate("app", tmp_path / "my-secret-project"),
        tmp_path / "my-secret-project" / "state" / "runtime.json",
    )


@pytest.mark.requirement("S0-16")
async def test_without_a_broker_it_reads_the_disk_and_names_every_part_that_is_missing(
    paths: AppPaths,
) -> None:
    paths.locations.config.mkdir(parents=True)
    (paths.locations.config / "config.json").write_text("{ torn")
    report = await generate(paths, None, unreached="nobody answers", environ={})
    assert report.findings[0].name == "config_corrupt"
    assert report.summary.startswith("# The settings file config.json is corrupt")
    assert {"models", "readiness", "overview", "ring"} <= {part.part for part in report.missing}
    assert {"system.json", "versions.json", "storage.json", "settings.json"} <= {
        file.name for file in report.files
    }
    assert "my-secret-project" not in msgspec.json.encode(report).decode()


async def test_a_broker_that_is_lost_meanwhile_is_told(paths: AppPaths) -> None:
    async with memory_bus() as bus, bus.connect("app") as app:
        report = await generate(paths, app, environ={})
    assert {file.name for file in report.files} >= {"alerts.json", "keys.json"}


async def test_secrets_of_the_environment_do_not_show(paths: AppPaths) -> None:
    record = LogRecord(
        actor="a",
        at=1.0,
        level="info",
        logger="l",
        message="sent plain-looking-value away",
        fields={"prompt": "tell nobody"},
    )
    facts = ReportFacts(made_at=1.0, ring=LogRingReadEvent(records=[record], dropped=0))
    report = build_report(facts, paths, 0.0, {"MY_API_KEY": "plain-looking-value"})
    content = next(file.content for file in report.files if file.name == "logs.jsonl")
    found = json.loads(content)
    assert found["message"].startswith("sent <secret:")
    assert found["fields"]["prompt"] == "<11 characters>"
    assert report.redactions["secret"] == 1


def test_two_reports_of_the_same_facts_have_other_tokens(paths: AppPaths) -> None:
    facts = ReportFacts(made_at=1.0, unreached="host 10.1.2.3 is silent", missing={"models": "host 10.1.2.3"})
    one, other = (build_report(facts, paths, 0.0, {}) for _ in range(2))
    assert one.missing[0].reason in one.summary
    assert one.missing[0].reason != other.missing[0].reason


def test_the_salt_is_that_of_the_runtime_so_that_tokens_of_the_log_ring_fit(tmp_path: Path) -> None:
    path = tmp_path / "runtime.json"
    assert salt_at(path) != salt_at(path)
    path.write_bytes(
        msgspec.json.encode(Runtime(app="a", pid=os.getpid(), started_at=1.0, lane="l", feed="f", token="t"))
    )
    path.chmod(0o600)
    assert salt_at(path) == salt_of("t")
