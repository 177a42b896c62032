"""`undercroft models`, and its commands list, install, cancel, remove and verify."""

from __future__ import annotations

import sys
from typing import Final

import click

from actors.cli.commands.models import models_lifecycle, models_sources
from actors.cli.commands.models.models_options import (
    DISK_TIMEOUT_SECONDS,
    VERIFY_TIMEOUT_SECONDS,
    dry_run_option,
    model_argument,
    wait_option,
)
from actors.cli.connection import ask, ask_runtime, with_peer
from actors.cli.exit_codes import ExitCode
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import print_answer
from actors.cli.views.install_view import InstallView, view_for
from actors.cli.views.model_lines import model_lines
from actors.shared.text import size_text
from bus.client import Peer
from schemas.models import (
    ModelCancelRequestEvent,
    ModelDownloadProgressedEvent,
    ModelInstallRequestEvent,
    ModelRemoveRequestEvent,
    ModelsListedEvent,
    ModelsListRequestEvent,
    ModelState,
    ModelStateChangedEvent,
    ModelStatus,
    ModelVerifyRequestEvent,
)

FINAL_STATES: Final[frozenset[ModelState]] = frozenset(
    {"installed", "failed", "absent", "partial", "paused", "damaged"}
)


@click.group()
def models() -> None:
    """Install, check and remove models.

    \b
    Examples:
      undercroft models list
      undercroft models install silero-vad whisper-tiny-en
      undercroft models verify whisper-tiny-en
    """


@models.command(name="list")
@target_options
@pass_target
def list_models(target: Target) -> int:
    """List the models of the app and their states.

    \b
    Examples:
      undercroft models list
      undercroft models list --json
    """
    listed = ask_runtime(target, ModelsListRequestEvent())
    lines = [line for status in listed.models for line in model_lines(status)]
    print_answer(target, listed, "\n".join([*lines, f"in {listed.models_directory}"]))
    return ExitCode.OK


@models.command()
@click.argument("model_ids", nargs=-1, metavar="MODEL...")
@click.option("--all", "everything", is_flag=True, help="Every model of the app that is not installed.")
@click.option(
    "--wait/--no-wait",
    default=True,
    show_default=True,
    help="Show progress until all are installed; without, installs continue in the background.",
)
@target_options
@pass_target
def install(target: Target, model_ids: tuple[str, ...], everything: bool, wait: bool) -> int:
    """Download, verify and activate models. An interrupted install continues at the next start.

    \b
    Examples:
      undercroft models install whisper-tiny-en
      undercroft models install --all --no-wait
    """
    if bool(model_ids) == everything:
        raise click.UsageError("expected either MODEL... or --all")
    with view_for(as_json=target.as_json, is_terminal=sys.stdout.isatty()) as view:
        statuses = with_peer(target, lambda peer: _install(peer, model_ids, view, wait))
    has_failed = any(status.state in ("failed", "damaged") for status in statuses)
    return ExitCode.FAILED if has_failed else ExitCode.OK


async def _install(
    peer: Peer, model_ids: tuple[str, ...], view: InstallView, wait: bool
) -> list[ModelStatus]:
    wanted = model_ids or await _missing(peer)
    latest: dict[str, ModelStatus] = {}
    async with peer.ask_then_follow(
        ModelsListRequestEvent(), ModelDownloadProgressedEvent, ModelStateChangedEvent
    ) as updates:
        for model_id in dict.fromkeys(wanted):
            latest[model_id] = (await ask(peer, ModelInstallRequestEvent(model_id=model_id))).status
            view.state(latest[model_id])
        # The list is requested only now, so it tells of these installs and of no earlier ones.
        while wait and not all(status.state in FINAL_STATES for status in latest.values()):
            _take(await anext(updates), latest, view)
    return list(latest.values())


def _take(
    update: ModelsListedEvent | ModelDownloadProgressedEvent | ModelStateChangedEvent,
    latest: dict[str, ModelStatus],
    view: InstallView,
) -> None:
    """Show what is new about the models that are being installed."""
    if isinstance(update, ModelDownloadProgressedEvent):
        if update.model_id in latest:
            view.progress(update)
        return
    statuses = update.models if isinstance(update, ModelsListedEvent) else [update.status]
    for status in statuses:
        if status.model_id in latest and latest[status.model_id] != status:
            latest[status.model_id] = status
            view.state(status)


async def _missing(peer: Peer) -> tuple[str, ...]:
    listed: ModelsListedEvent = await ask(peer, ModelsListRequestEvent())
    return tuple(status.model_id for status in listed.models if status.state != "installed")


@models.command()
@model_argument
@click.option("--drop-partial", is_flag=True, help="Delete what was downloaded so far.")
@target_options
@pass_target
def cancel(target: Target, model_id: str, drop_partial: bool) -> int:
    """Stop an install. What was downloaded is kept for a later one.

    \b
    Examples:
      undercroft models cancel whisper-tiny-en
    """
    done = ask_runtime(target, ModelCancelRequestEvent(model_id=model_id, drop_partial=drop_partial))
    kept = size_text(done.status.durable_bytes)
    print_answer(target, done, f"{model_id}: {done.status.state}, {kept} kept")
    return ExitCode.OK


@models.command()
@model_argument
@dry_run_option
@wait_option
@target_options
@pass_target
def remove(target: Target, model_id: str, dry_run: bool, wait_seconds: float) -> int:
    """Delete a model from disk, with its partial download.

    \b
    Examples:
      undercroft models remove whisper-tiny-en --dry-run
      undercroft models remove whisper-tiny-en
    """
    request = ModelRemoveRequestEvent(model_id=model_id, dry_run=dry_run, wait_seconds=wait_seconds)
    done = ask_runtime(target, request, DISK_TIMEOUT_SECONDS + wait_seconds)
    freed = f"{size_text(done.freed_bytes)} {'would be freed' if dry_run else 'freed'}"
    print_answer(target, done, f"{model_id}: {freed}")
    return ExitCode.OK


@models.command()
@model_argument
@target_options
@pass_target
def verify(target: Target, model_id: str) -> int:
    """Hash every byte of an installed model again.

    \b
    Examples:
      undercroft models verify whisper-tiny-en
    """
    verdict = ask_runtime(target, ModelVerifyRequestEvent(model_id=model_id), VERIFY_TIMEOUT_SECONDS)
    lines = [
        f"{finding.path}: {finding.aspect} is {finding.found}, expected {finding.expected}"
        for finding in verdict.findings
    ]
    text = "\n".join(lines or [f"{model_id}: every file is as its manifest promises"])
    print_answer(target, verdict, text)
    return ExitCode.FAILED if verdict.findings else ExitCode.OK


for command in (*models_lifecycle.COMMANDS, *models_sources.COMMANDS):
    models.add_command(command)
