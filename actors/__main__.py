"""`python -m actors` is `undercroft`."""

from __future__ import annotations

from actors.cli.main import main

main()
