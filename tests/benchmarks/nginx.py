"""nginx on the loopback as the origin of models: all contestants fetch from it."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.cast import wait_until_listening

CONFIGURATION = """
{user}
daemon off;
master_process off;
worker_processes 1;
pid {work}/nginx.pid;
error_log {work}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    sendfile on;
    client_body_temp_path {work}/body;
    proxy_temp_path {work}/proxy;
    fastcgi_temp_path {work}/fastcgi;
    uwsgi_temp_path {work}/uwsgi;
    scgi_temp_path {work}/scgi;
    keepalive_requests 100000;
    server {{
        listen 127.0.0.1:{port};
        root {files};
        limit_rate {limit};
    }}
}}
"""


def nginx_path() -> str:
    """Where nginx lies; Debian puts it where only root looks."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin") or ""


def nginx_missing() -> str:
    """Why there is no origin; empty if there is one."""
    return "" if nginx_path() else "there is no nginx here (Debian: apt-get install nginx-light)"


@contextlib.contextmanager
def nginx(files: Path, work: Path, limit_bytes_per_second: int = 0) -> Iterator[str]:
    """Serve the files of a directory during a block; yields the URL of the directory, without a slash.

    Args:
        files: what is served.
        work: an empty directory for its configuration and what it writes.
        limit_bytes_per_second: for each connection; 0 for none.
    """
    work.mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    text = CONFIGURATION.format(
        user="user root;" if is_root else "", work=work, files=files, port=port, limit=limit_bytes_per_second
    )
    (work / "nginx.conf").write_text(text)
    command = [nginx_path(), "-p", str(work), "-c", str(work / "nginx.conf"), "-e", str(work / "error.log")]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_until_listening(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
