"""The version of Undercroft that runs.

It is a constant: reading it from the installation takes 20 ms, and a frozen bundle has no installation.
"""

from __future__ import annotations

from typing import Final

VERSION: Final = "0.1.0"
