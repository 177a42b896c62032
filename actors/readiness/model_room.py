"""How much room there is where models are to go."""

from __future__ import annotations

import shutil
from pathlib import Path


def room_at(path: Path) -> int | None:
    """Free bytes on the disk of a directory, or on that where it would be created; None if nothing tells."""
    for place in (path, *path.parents):
        try:
            return shutil.disk_usage(place).free
        except FileNotFoundError:
            continue
        except OSError:
            return None
    return None
