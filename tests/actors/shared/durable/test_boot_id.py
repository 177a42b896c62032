"""The name of this run of the machine is the same for as long as it runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from actors.shared.durable import boot_id


@pytest.mark.skipif(sys.platform != "linux", reason="read from the kernel's own file")
def test_two_processes_see_the_same_boot() -> None:
    script = "from actors.shared.durable.boot_id import boot_id; print(boot_id())"
    root = Path(boot_id.__file__).parents[3]
    other = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=root, check=True
    ).stdout.strip()
    assert boot_id.boot_id() == other
    assert len(other) == 36
