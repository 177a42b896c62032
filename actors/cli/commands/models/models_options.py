"""Arguments, options and timeouts that several `undercroft models` commands share."""

from __future__ import annotations

from typing import Final

import click

DISK_TIMEOUT_SECONDS: Final = 60.0
"""For requests that delete or move files."""

VERIFY_TIMEOUT_SECONDS: Final = 3600.0
"""For requests that hash whole models."""

model_argument = click.argument("model_id", metavar="MODEL")

wait_option = click.option(
    "--wait",
    "wait_seconds",
    type=click.FloatRange(min=0),
    default=0.0,
    help="How long to wait, in seconds, while programs hold a lease on it.",
)
dry_run_option = click.option("--dry-run", is_flag=True, help="Show what would be removed, without removing.")
