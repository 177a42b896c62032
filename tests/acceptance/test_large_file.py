"""A file larger than the memory of any actor may become."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.acceptance.conftest import Start
from tests.support.faulty_origin import FaultyOrigin, serve_model
from tests.support.origin_content import SyntheticContent
from tests.support.profiles import write_counter_profile

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

MIB = 1 << 20
SIZE_BYTES = 384 * MIB
GROWTH_LIMIT_MIB = 40


@pytest.mark.requirement("S1-30", "S1-31", "S0-8")
def test_memory_stays_the_same_while_a_large_model_is_fetched_hashed_and_activated(
    tmp_path: Path, start: Start
) -> None:
    with FaultyOrigin() as origin:
        entry = serve_model(origin, "large", SyntheticContent(SIZE_BYTES))
        runtime = start(write_counter_profile(tmp_path / "profile", [entry]))
        overview = runtime.wait_settled()
        pids = {actor["actor"]: actor["pid"] for actor in overview["actors"]}
        before = {name: _peak_mib(pid) for name, pid in pids.items()}
        assert runtime.command("models", "install", "large").returncode == 0
        growth = {name: _peak_mib(pid) - before[name] for name, pid in pids.items()}
    print(f"growth of the highest memory, in MiB: {growth}")
    assert (runtime.home / "models" / "large" / "model.bin").stat().st_size == SIZE_BYTES
    assert max(growth.values()) < GROWTH_LIMIT_MIB
    assert runtime.end() == 0


def _peak_mib(pid: int) -> float:
    """The most resident memory that a process ever had."""
    (line,) = (
        line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM:")
    )
    return int(line.split()[1]) / 1024
