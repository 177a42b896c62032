"""A command may be started without stdin, stdout or stderr."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from actors.cli.standard_streams import prepare_streams

pytestmark = pytest.mark.skipif(os.name != "posix", reason="closes descriptors before the start")

LOOK = """
import os, sys
from actors.cli.standard_streams import prepare_streams
prepare_streams()
print("out", flush=True)
print("err", file=sys.stderr, flush=True)
first = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
os.write(first, b"%d" % first)
"""


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)])
def test_what_is_printed_never_ends_in_another_file(closed: tuple[int, ...], tmp_path: object) -> None:
    def close() -> None:
        for descriptor in closed:
            os.close(descriptor)

    file = f"{tmp_path}/file"
    subprocess.run([sys.executable, "-c", LOOK, file], preexec_fn=close, timeout=30, check=True)
    with open(file, "rb") as written:
        assert written.read() == b"3"


def test_open_streams_stay_what_they_are() -> None:
    before = sys.stdin, sys.stdout, sys.stderr
    prepare_streams()
    assert (sys.stdin, sys.stdout, sys.stderr) == before
