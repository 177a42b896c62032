"""`undercroft models pause | resume | rollback | repair | lease | release | partials | collect`."""

from __future__ import annotations

import click

from actors.cli.connection import ask, with_peer
from actors.cli.exit_codes import ExitCode
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import print_answer
from actors.cli.views.model_lines import partial_line
from actors.shared.text import size_text
from schemas.leases import (
    LEASE_SECONDS_LIMIT,
    ModelLeaseRequestEvent,
    ModelReleaseRequestEvent,
    ModelRepairRequestEvent,
    ModelRollbackRequestEvent,
)
from schemas.models import (
    ModelPauseRequestEvent,
    ModelResumeRequestEvent,
    PartialsCollectRequestEvent,
    PartialsListRequestEvent,
)

DISK_TIMEOUT_SECONDS = 60.0
VERIFY_TIMEOUT_SECONDS = 3600.0


@click.command()
@click.argument("model_id", metavar="MODEL")
@target_options
@pass_target
def pause(target: Target, model_id: str) -> int:
    """Let an install rest, through restarts too, until it is resumed.

    \b
    Examples:
      undercroft models pause whisper-base
    """
    done = with_peer(
        target, lambda peer: ask(peer, ModelPauseRequestEvent(model_id=model_id), DISK_TIMEOUT_SECONDS)
    )
    print_answer(
        target, done, f"{done.status.name}: {done.status.state}, {size_text(done.status.durable_bytes)} kept"
    )
    return ExitCode.OK


@click.command()
@click.argument("model_id", metavar="MODEL")
@target_options
@pass_target
def resume(target: Target, model_id: str) -> int:
    """Let a paused install go on.

    \b
    Examples:
      undercroft models resume whisper-base
    """
    done = with_peer(
        target, lambda peer: ask(peer, ModelResumeRequestEvent(model_id=model_id), DISK_TIMEOUT_SECONDS)
    )
    print_answer(target, done, f"{done.status.name}: {done.status.state}")
    return ExitCode.OK


@click.command()
@click.argument("model_id", metavar="MODEL")
@click.option(
    "--wait",
    "wait_seconds",
    type=click.FloatRange(min=0),
    default=0.0,
    help="Wait so many seconds for those who hold it.",
)
@target_options
@pass_target
def rollback(target: Target, model_id: str, wait_seconds: float) -> int:
    """Go back to the former revision of a model; it is verified first.

    \b
    Examples:
      undercroft models rollback whisper-base --wait 10
    """
    request = ModelRollbackRequestEvent(model_id=model_id, wait_seconds=wait_seconds)
    done = with_peer(target, lambda peer: ask(peer, request, VERIFY_TIMEOUT_SECONDS + wait_seconds))
    print_answer(target, done, f"{done.status.name}: {done.status.state}, revision {done.status.revision}")
    return ExitCode.OK


@click.command()
@click.argument("model_id", metavar="MODEL")
@target_options
@pass_target
def repair(target: Target, model_id: str) -> int:
    """Make a damaged model whole again, fetching only what is bad.

    \b
    Examples:
      undercroft models repair whisper-base
    """
    done = with_peer(
        target, lambda peer: ask(peer, ModelRepairRequestEvent(model_id=model_id), VERIFY_TIMEOUT_SECONDS)
    )
    print_answer(
        target,
        done,
        f"{done.status.name}: {done.status.state}, {size_text(done.kept_bytes)} need not be fetched",
    )
    return ExitCode.OK


@click.command()
@click.argument("model_id", metavar="MODEL")
@click.option("--holder", required=True, help="Name that others are told while they wait.")
@click.option(
    "--ttl",
    "ttl_seconds",
    type=click.FloatRange(min=1, max=LEASE_SECONDS_LIMIT),
    default=60.0,
    show_default=True,
    help="Seconds it lasts.",
)
@click.option("--renew", "lease_id", default="", metavar="LEASE", help="Renew this one.")
@target_options
@pass_target
def lease(target: Target, model_id: str, holder: str, ttl_seconds: float, lease_id: str) -> int:
    """Hold an installed model where it is, for a program that uses it; prints its directory and the lease.

    \b
    Examples:
      undercroft models lease whisper-base --holder transcriber --ttl 600
      undercroft models lease whisper-base --holder transcriber --renew 3f2a...
    """
    request = ModelLeaseRequestEvent(
        model_id=model_id, holder=holder, ttl_seconds=ttl_seconds, lease_id=lease_id
    )
    done = with_peer(target, lambda peer: ask(peer, request, DISK_TIMEOUT_SECONDS))
    print_answer(target, done, f"{done.directory}\nlease {done.lease.lease_id}")
    return ExitCode.OK


@click.command()
@click.argument("model_id", metavar="MODEL")
@click.argument("lease_id", metavar="LEASE")
@target_options
@pass_target
def release(target: Target, model_id: str, lease_id: str) -> int:
    """Give a lease back.

    \b
    Examples:
      undercroft models release whisper-base 3f2a...
    """
    done = with_peer(
        target,
        lambda peer: ask(
            peer, ModelReleaseRequestEvent(model_id=model_id, lease_id=lease_id), DISK_TIMEOUT_SECONDS
        ),
    )
    print_answer(
        target, done, f"{model_id}: {'released' if done.was_held else 'was not held under that lease'}"
    )
    return ExitCode.OK


@click.command()
@target_options
@pass_target
def partials(target: Target) -> int:
    """List what lies beside the installed models: unfinished downloads and damaged ones, with size and age.

    \b
    Examples:
      undercroft models partials
    """
    found = with_peer(target, lambda peer: ask(peer, PartialsListRequestEvent(), DISK_TIMEOUT_SECONDS))
    rule = f"those that nobody wants are kept {f'{found.keep_days} days' if found.keep_days else 'for ever'}"
    if not found.partials:
        rule = "nothing lies beside the installed models"
    print_answer(target, found, "\n".join([*(partial_line(partial) for partial in found.partials), rule]))
    return ExitCode.OK


@click.command()
@click.option(
    "--keep-days",
    type=click.IntRange(min=1),
    help="Remove what is older and wanted by nobody.  [default: the rule of the settings]",
)
@click.option("--dry-run", is_flag=True, help="Show what would be removed, and remove nothing.")
@target_options
@pass_target
def collect(target: Target, keep_days: int | None, dry_run: bool) -> int:
    """Remove leftovers by a rule: nothing is ever removed without one.

    \b
    Examples:
      undercroft models collect --keep-days 30 --dry-run
    """
    done = with_peer(
        target,
        lambda peer: ask(
            peer, PartialsCollectRequestEvent(dry_run=dry_run, keep_days=keep_days), DISK_TIMEOUT_SECONDS
        ),
    )
    freed = f"{size_text(done.freed_bytes)} {'would be freed' if dry_run else 'freed'}"
    if not done.keep_days:
        freed = "nothing was removed: no rule is set; give one with --keep-days, or 'undercroft models cancel MODEL --drop-partial' for a single one"
    print_answer(
        target, done, "\n".join([*(partial_line(partial) for partial in done.removed), *done.problems, freed])
    )
    return ExitCode.FAILED if done.problems else ExitCode.OK


COMMANDS = (pause, resume, rollback, repair, lease, release, partials, collect)
"""Joined to `undercroft models`."""
