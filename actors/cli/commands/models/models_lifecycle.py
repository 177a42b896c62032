"""`undercroft models pause | resume | rollback | repair | lease | release | partials | collect`."""

from __future__ import annotations

import click

from actors.cli.commands.models.models_options import (
    DISK_TIMEOUT_SECONDS,
    VERIFY_TIMEOUT_SECONDS,
    dry_run_option,
    model_argument,
    wait_option,
)
from actors.cli.connection import ask_runtime
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

NO_RULE = (
    "nothing was removed: no rule is set; give one with --keep-days, "
    "or remove a single one with 'undercroft models cancel MODEL --drop-partial'"
)


@click.command()
@model_argument
@target_options
@pass_target
def pause(target: Target, model_id: str) -> int:
    """Pause an install until it is resumed, even after a restart.

    \b
    Examples:
      undercroft models pause whisper-base
    """
    done = ask_runtime(target, ModelPauseRequestEvent(model_id=model_id), DISK_TIMEOUT_SECONDS)
    kept = size_text(done.status.durable_bytes)
    print_answer(target, done, f"{done.status.name}: {done.status.state}, {kept} kept")
    return ExitCode.OK


@click.command()
@model_argument
@target_options
@pass_target
def resume(target: Target, model_id: str) -> int:
    """Continue a paused install.

    \b
    Examples:
      undercroft models resume whisper-base
    """
    done = ask_runtime(target, ModelResumeRequestEvent(model_id=model_id), DISK_TIMEOUT_SECONDS)
    print_answer(target, done, f"{done.status.name}: {done.status.state}")
    return ExitCode.OK


@click.command()
@model_argument
@wait_option
@target_options
@pass_target
def rollback(target: Target, model_id: str, wait_seconds: float) -> int:
    """Return to the former revision of a model. It is verified first.

    \b
    Examples:
      undercroft models rollback whisper-base --wait 10
    """
    request = ModelRollbackRequestEvent(model_id=model_id, wait_seconds=wait_seconds)
    done = ask_runtime(target, request, VERIFY_TIMEOUT_SECONDS + wait_seconds)
    print_answer(target, done, f"{done.status.name}: {done.status.state}, revision {done.status.revision}")
    return ExitCode.OK


@click.command()
@model_argument
@target_options
@pass_target
def repair(target: Target, model_id: str) -> int:
    """Repair a damaged model, downloading only its bad parts.

    \b
    Examples:
      undercroft models repair whisper-base
    """
    done = ask_runtime(target, ModelRepairRequestEvent(model_id=model_id), VERIFY_TIMEOUT_SECONDS)
    kept = size_text(done.kept_bytes)
    print_answer(target, done, f"{done.status.name}: {done.status.state}, {kept} need no download")
    return ExitCode.OK


@click.command()
@model_argument
@click.option("--holder", required=True, help="Name that others see while they wait.")
@click.option(
    "--ttl",
    "ttl_seconds",
    type=click.FloatRange(min=1, max=LEASE_SECONDS_LIMIT),
    default=60.0,
    show_default=True,
    help="How long the lease lasts, in seconds.",
)
@click.option("--renew", "lease_id", default="", metavar="LEASE", help="Renew this lease.")
@target_options
@pass_target
def lease(target: Target, model_id: str, holder: str, ttl_seconds: float, lease_id: str) -> int:
    """Keep an installed model in place for a program that uses it. Prints its directory and the lease.

    \b
    Examples:
      undercroft models lease whisper-base --holder transcriber --ttl 600
      undercroft models lease whisper-base --holder transcriber --renew 3f2a...
    """
    request = ModelLeaseRequestEvent(
        model_id=model_id, holder=holder, ttl_seconds=ttl_seconds, lease_id=lease_id
    )
    done = ask_runtime(target, request, DISK_TIMEOUT_SECONDS)
    print_answer(target, done, f"{done.directory}\nlease {done.lease.lease_id}")
    return ExitCode.OK


@click.command()
@model_argument
@click.argument("lease_id", metavar="LEASE")
@target_options
@pass_target
def release(target: Target, model_id: str, lease_id: str) -> int:
    """Release a lease.

    \b
    Examples:
      undercroft models release whisper-base 3f2a...
    """
    request = ModelReleaseRequestEvent(model_id=model_id, lease_id=lease_id)
    done = ask_runtime(target, request, DISK_TIMEOUT_SECONDS)
    outcome = "released" if done.was_held else "was not held under that lease"
    print_answer(target, done, f"{model_id}: {outcome}")
    return ExitCode.OK


@click.command()
@target_options
@pass_target
def partials(target: Target) -> int:
    """List leftovers: unfinished downloads and damaged models, with size and age.

    \b
    Examples:
      undercroft models partials
    """
    found = ask_runtime(target, PartialsListRequestEvent(), DISK_TIMEOUT_SECONDS)
    keep = f"{found.keep_days} days" if found.keep_days else "for ever"
    rule = f"those that nobody wants are kept {keep}" if found.partials else "no leftovers"
    lines = [partial_line(partial) for partial in found.partials]
    print_answer(target, found, "\n".join([*lines, rule]))
    return ExitCode.OK


@click.command()
@click.option(
    "--keep-days",
    type=click.IntRange(min=1),
    help="Remove those that are older and that nobody wants.  [default: the rule of the settings]",
)
@dry_run_option
@target_options
@pass_target
def collect(target: Target, keep_days: int | None, dry_run: bool) -> int:
    """Remove leftovers by a rule: unfinished downloads and damaged models. Without a rule nothing goes.

    \b
    Examples:
      undercroft models collect --keep-days 30 --dry-run
    """
    request = PartialsCollectRequestEvent(dry_run=dry_run, keep_days=keep_days)
    done = ask_runtime(target, request, DISK_TIMEOUT_SECONDS)
    freed = f"{size_text(done.freed_bytes)} {'would be freed' if dry_run else 'freed'}"
    lines = [partial_line(partial) for partial in done.removed]
    print_answer(target, done, "\n".join([*lines, *done.problems, freed if done.keep_days else NO_RULE]))
    return ExitCode.FAILED if done.problems else ExitCode.OK


COMMANDS = (pause, resume, rollback, repair, lease, release, partials, collect)
"""Added to `undercroft models`."""
