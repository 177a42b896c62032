"""A child of circus: imports modules, says that it is ready, and idles. Arguments: socket, modules."""

from __future__ import annotations

import importlib
import os
import signal
import socket
import sys

for module in sys.argv[2:]:
    importlib.import_module(module)
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
    ready.sendto(str(os.getpid()).encode(), sys.argv[1])
signal.pause()
