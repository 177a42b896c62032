"""A runtime is not started with less than it needs, and the sentence says what raises the limit."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.runtime.supervisor.host.launcher.process_limits import KINDS, check_limits, own_limits, shortage

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such limits")

PLENTY = {kind.flag: 1 << 40 for kind in KINDS}


def test_plenty_none_and_limits_that_a_platform_does_not_have_will_do() -> None:
    assert shortage(PLENTY, 100) is None
    assert shortage(dict.fromkeys(PLENTY, -1), 100) is None
    assert shortage({}, 100) is None


@pytest.mark.parametrize(
    ("flag", "limit", "sentence"),
    [
        ("nofile", 12, r"open files \(ulimit -n\) is 12, expected at least 84; .* --nofile=336$"),
        ("nproc", 5, r"processes and threads \(ulimit -u\) is 5, expected at least 56; .* --nproc=224$"),
        ("as", 50 << 20, r"address space \(ulimit -v, in KiB\) is 51,200, expected at least 262,144"),
        ("data", 0, r"memory for data \(ulimit -d, in KiB\) is 0, expected"),
        ("fsize", 512, r"the size of a file \(ulimit -f, in KiB\) is 0, expected"),
        ("stack", 64 << 10, r"the stack \(ulimit -s, in KiB\) is 64, expected"),
    ],
)
def test_each_limit_that_is_too_low_is_named(flag: str, limit: int, sentence: str) -> None:
    found = shortage({**PLENTY, flag: limit}, 10)
    assert found is not None
    with pytest.raises(type(found), match=sentence):
        raise found


@given(st.integers(0, 500), st.integers(0, 500))
def test_more_children_never_need_less(children: int, more: int) -> None:
    for kind in KINDS:
        assert kind.needed(children + more) >= kind.needed(children)


def test_limits_of_the_system_will_do() -> None:
    check_limits(10)
    assert set(own_limits()) <= {kind.flag for kind in KINDS}


LOWERED = """
import resource, sys
from actors.runtime.supervisor.host.launcher.process_limits import LimitTooLow, check_limits
soft, hard = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
try:
    check_limits(10)
except LimitTooLow as error:
    print(error.found)
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.parametrize(
    ("soft", "hard", "told"), [(12, 500, "84\n"), (12, 60, "60\n60\n"), (300, 500, "300\n")]
)
def test_a_soft_limit_of_files_is_raised_as_far_as_it_has_to_be(soft: int, hard: int, told: str) -> None:
    command = [sys.executable, "-c", LOWERED, str(soft), str(hard)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == told
