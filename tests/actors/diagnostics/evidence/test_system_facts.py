"""The machine is described, and cannot be recognised."""

from __future__ import annotations

import json
import platform
import socket
from pathlib import Path

import pytest

from actors.diagnostics.evidence.system_facts import memory, processor, system, versions


@pytest.mark.requirement("S0-16")
def test_versions_of_everything_that_a_fault_may_depend_on() -> None:
    found = versions()
    assert {"undercroft", "python", "msgspec", "pyzmq", "cryptography"} <= found.keys()
    assert found["python"] == platform.python_version()


@pytest.mark.requirement("S0-16")
def test_the_system_tells_no_name_and_no_serial_number() -> None:
    found = system()
    text = json.dumps(found)
    for path in ("/etc/machine-id", "/sys/class/dmi/id/product_uuid", "/sys/class/dmi/id/product_serial"):
        try:
            number = Path(path).read_text().strip()
        except OSError:
            continue
        assert not number or number not in text
    assert socket.gethostname() not in {str(value) for value in found.values()}
    assert found["processors"] >= 1
    assert found["memory_bytes"]["MemTotal"] > 1 << 20


def test_serial_numbers_of_boards_are_not_read_as_processors() -> None:
    info = "processor\t: 0\nBogoMIPS\t: 108.00\nSerial\t\t: 10000000abcdef\nModel\t\t: Raspberry Pi 4\n"
    assert processor(info) == "Raspberry Pi 4"
    assert processor("model name\t: Some CPU @ 3GHz\n") == "Some CPU @ 3GHz"
    assert processor("") == ""


def test_memory_is_in_bytes() -> None:
    assert memory("MemTotal:       1024 kB\nMemFree: 1 kB\nSwapFree:  0 kB\n") == {
        "MemTotal": 1024 * 1024,
        "SwapFree": 0,
    }
