"""Credentials of named peers leave the environment at once; what is wrong with them is said without them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from actors.runtime.supervisor.host.environment_credentials import (
    PEER_CREDENTIALS_VARIABLE,
    PeerCredentialsRefused,
    take_peer_credentials,
)

SECRET = "s3cret" * 8


def test_they_are_taken_out_and_so_is_the_credential_of_another_runtime() -> None:
    environ = {
        PEER_CREDENTIALS_VARIABLE: json.dumps({"frontend": SECRET}),
        "UNDERCROFT_CREDENTIAL": "a:b",
        "PATH": "/bin",
    }
    assert take_peer_credentials(environ) == {"frontend": SECRET}
    assert environ == {"PATH": "/bin"}
    assert take_peer_credentials(environ) == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SECRET, "expected JSON such as"),
        (json.dumps([SECRET]), "expected JSON such as"),
        ("[" * 100_000, "expected JSON such as"),
        (json.dumps({"frontend": SECRET[:31]}), "'frontend': expected 32 to 256 characters, found 31"),
        (json.dumps({"frontend": SECRET * 6}), "found 288"),
        (json.dumps({"frontend": [SECRET]}), "'frontend': expected a text"),
        (json.dumps({"frontend": SECRET + "\n"}), "'frontend': expected a text"),
        (json.dumps({"frontend": SECRET + "\u00e9"}), "'frontend': expected a text"),
    ],
)
def test_what_is_wrong_is_said_without_the_secret(text: str, words: str) -> None:
    environ = {PEER_CREDENTIALS_VARIABLE: text}
    with pytest.raises(PeerCredentialsRefused) as refused:
        take_peer_credentials(environ)
    assert words in str(refused.value)
    assert "s3cret" not in str(refused.value)
    assert environ == {}


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="there is no /proc here")
def test_the_kernel_shows_them_no_more_either() -> None:
    program = """
import os
from pathlib import Path
from actors.runtime.supervisor.host.environment_credentials import take_peer_credentials
assert b"s3cret" in Path("/proc/self/environ").read_bytes()
found = take_peer_credentials(os.environ)
assert found["frontend"].startswith("s3cret")
assert b"s3cret" not in Path("/proc/self/environ").read_bytes()
assert os.environ["AFTER"] == "stays"
"""
    environ = {
        **os.environ,
        PEER_CREDENTIALS_VARIABLE: json.dumps({"frontend": SECRET}),
        "UNDERCROFT_CREDENTIAL": f"a:{SECRET}",
        "AFTER": "stays",
    }
    subprocess.run([sys.executable, "-P", "-c", program], env=environ, check=True, timeout=60)
