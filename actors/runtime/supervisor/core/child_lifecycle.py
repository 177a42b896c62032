"""How one child starts, becomes ready, stops, crashes and restarts. Pure.

Each function changes the state of the child and returns the effects that follow.
"""

from __future__ import annotations

from typing import Final

from actors.runtime.supervisor.core.child_state import AfterStop, ChildState
from actors.runtime.supervisor.core.restart_budget import (
    HEALTHY_SECONDS,
    probe_delay_seconds,
    restart_delay_seconds,
)
from actors.runtime.supervisor.core.supervision_events import (
    DumpStacks,
    Effect,
    ExitStatus,
    KillReason,
    PublishRemoval,
    PublishStatus,
    RecordCrash,
    SendSignal,
    SendStop,
    StartProcess,
)
from schemas.operations.supervision import ActorState

TERMINATE_GRACE_SECONDS: Final = 2.0
DUMP_GRACE_SECONDS: Final = 0.25
MEMORY_GRACE_SECONDS: Final = 0.25
CREATION_SECONDS: Final = 30.0
"""How long the creation of a process may take. The fork server is given up after that, and with it all of its
children: a child's own times, which may be shorter, count from when its process exists."""

KILL_AGAIN_SECONDS: Final = 5.0
KILLS_BEFORE_LEAVING: Final = 3
"""A runtime that stops does not wait for a process that even the kernel cannot end, such as one that waits
for a dead disk."""

REQUESTED: Final = "restart requested"


def enter(
    child: ChildState, state: ActorState, reason: str, now: float, due_at: float | None = None
) -> list[Effect]:
    """Change to a state, in which `due_at` is the time of the next step."""
    child.state, child.reason, child.since, child.due_at = state, reason, now, due_at
    child.pinged_at = None
    return [PublishStatus(child.name)]


# Starting


def start(child: ChildState, reason: str, now: float) -> list[Effect]:
    """Order a process."""
    child.has_process, child.pid, child.said_ready, child.ended_clean = True, None, False, False
    child.stop_step, child.fault, child.kill_reason, child.kills = None, "", "", 0
    child.ordered_at = now
    child.starts += 1
    return [*enter(child, "starting", reason, now, now + CREATION_SECONDS), StartProcess(child.spec)]


def started(child: ChildState, pid: int, now: float, *, is_leaving: bool) -> list[Effect]:
    """The process exists and runs its program. If the child was asked to stop meanwhile, the stop goes on."""
    if not child.has_process or child.pid is not None:
        return []
    child.pid = pid
    if child.state == "stopping":
        return next_stop_step(child, now, is_leaving=is_leaving)
    child.due_at = now + child.spec.start_timeout_seconds
    return became_ready(child, now) if child.said_ready or child.spec.ready == "started" else []


def became_ready(child: ChildState, now: float) -> list[Effect]:
    """The child serves. If it had failed before, it has to prove that it is healthy.

    On a busy machine `BecameReady` may come before `Started`: lifeline, bus and spawner are channels of
    their own. A greeting on the bus may also be the last one of the former process; the new one then counts
    as ready a moment early. To forget it would cost a healthy child its life.
    """
    if child.state != "starting":
        return []
    if child.pid is None:
        child.said_ready = True
        return []
    return enter(child, "ready", "", now, now + HEALTHY_SECONDS if child.failures else None)


# Ending


def ended(
    child: ChildState,
    reason: str,
    status: ExitStatus | None,
    now: float,
    jitter: float,
    *,
    is_leaving: bool,
    cannot_run: bool = False,
) -> list[Effect]:
    """The process is gone, or (without a status) never existed: restart, open the circuit, or stay down."""
    was, fault, after_stop = child.state, child.fault, child.after_stop
    clean = status is not None and status.is_clean
    reason_with_fault = f"{fault} ({reason})" if fault else reason
    effects: list[Effect] = []
    if _is_crash(child, clean, is_leaving):
        effects.append(_record(child, reason_with_fault, status, now))
    if was == "ready" and now - child.since >= HEALTHY_SECONDS:
        child.forget_failures()
    child.has_process, child.pid, child.ended_clean = False, None, clean
    if was == "stopping" and after_stop == "remove":
        return [*effects, PublishRemoval(child.name)]
    if is_leaving or (was == "stopping" and after_stop == "stay"):
        return effects + enter(child, "stopped", reason, now)
    if was == "stopping" and after_stop == "restart":
        return effects + start(child, REQUESTED, now)
    if cannot_run:
        return effects + _open_circuit(child, reason_with_fault, now, jitter)
    if child.spec.restart == "temporary" or (child.spec.restart == "transient" and clean and not fault):
        return effects + enter(child, "stopped", reason_with_fault, now)
    return effects + _crashed(child, reason_with_fault, now, jitter)


def _crashed(child: ChildState, reason: str, now: float, jitter: float) -> list[Effect]:
    child.failures += 1
    child.ended_clean = False
    if child.circuit_open or not child.budget.spend(now):
        return _open_circuit(child, reason, now, jitter)
    delay_seconds = restart_delay_seconds(child.failures, jitter)
    if delay_seconds:
        return enter(child, "backoff", reason, now, now + delay_seconds)
    return start(child, reason, now)


def _open_circuit(child: ChildState, reason: str, now: float, jitter: float) -> list[Effect]:
    """Count it as failed, and try it again later. What is never started again has to be asked for."""
    probe_at = now + probe_delay_seconds(child.probes, jitter)
    child.circuit_open, child.probes = True, child.probes + 1
    return enter(child, "failed", reason, now, None if child.spec.restart == "temporary" else probe_at)


def _is_crash(child: ChildState, clean: bool, is_leaving: bool) -> bool:
    """Whether the end was unexpected."""
    if child.state == "stopping" and child.after_stop != "crash":
        return False
    return bool(child.fault) or not clean or (child.spec.restart == "permanent" and not is_leaving)


def _record(child: ChildState, reason: str, status: ExitStatus | None, now: float) -> RecordCrash:
    return RecordCrash(
        actor=child.name,
        pid=child.pid,
        reason=reason,
        status=status,
        kill_reason=child.kill_reason,
        was=child.state,
        is_actor=child.spec.has_lifeline,
        uptime_seconds=now - child.ordered_at,
        restarts=child.restarts,
    )


# Stopping: stop message, then TERM, then KILL


def stop(
    child: ChildState, after_stop: AfterStop, reason: str, now: float, *, is_leaving: bool
) -> list[Effect]:
    """Begin to stop a process; for one that already stops, change only what follows."""
    if child.state == "stopping":
        child.after_stop = after_stop
        return []
    child.after_stop, child.stop_step = after_stop, None
    effects = enter(child, "stopping", reason, now, child.creation_deadline(CREATION_SECONDS))
    if child.pid is not None:
        effects += next_stop_step(child, now, is_leaving=is_leaving)
    return effects


def next_stop_step(child: ChildState, now: float, *, is_leaving: bool) -> list[Effect]:
    """Ask a stopping process harder than before. One that does not exist in time is killed."""
    shutdown_seconds = child.spec.shutdown_timeout_seconds
    if child.pid is not None and child.stop_step is None and child.spec.has_lifeline:
        child.stop_step, child.due_at = "message", now + shutdown_seconds
        returning = child.after_stop in ("restart", "crash") and not is_leaving
        return [SendStop(child.name, returning=returning)]
    if child.pid is not None and child.stop_step in (None, "message"):
        grace_seconds = TERMINATE_GRACE_SECONDS if child.spec.has_lifeline else shutdown_seconds
        child.stop_step, child.due_at = "terminate", now + grace_seconds
        return [SendSignal(child.name, "terminate")]
    child.stop_step, child.due_at = "kill", now + KILL_AGAIN_SECONDS
    child.kills += 1
    return [SendSignal(child.name, "kill")]


def kill_for(child: ChildState, kill_reason: KillReason, fault: str, now: float) -> list[Effect]:
    """End a process that does not do what it should. It writes its stacks first, if it can be asked to."""
    grace_seconds = DUMP_GRACE_SECONDS if child.spec.has_lifeline else 0.0
    effects = enter(child, "stopping", fault, now, now + grace_seconds)
    child.after_stop, child.stop_step = "crash", "dump"
    child.fault, child.kill_reason = fault, kill_reason
    if child.pid is not None and child.spec.has_lifeline:
        effects.append(DumpStacks(child.name))
    return effects


def lifeline_broke(child: ChildState, problem: str, now: float) -> list[Effect]:
    """End a process that cannot be understood any more, without asking for its stacks.

    Its process may not be reported yet: then it is killed as soon as it is.
    """
    if not child.has_process:
        return []
    child.fault, child.kill_reason = f"its lifeline broke: {problem}", "lifeline"
    effects: list[Effect] = []
    if child.state != "stopping":
        child.after_stop = "crash"
        effects = enter(child, "stopping", child.fault, now, child.creation_deadline(CREATION_SECONDS))
    child.stop_step = "dump"  # what comes next is a kill
    return effects + (next_stop_step(child, now, is_leaving=False) if child.pid is not None else [])


# On request and by measurement


def restart(child: ChildState, now: float, *, is_leaving: bool) -> list[Effect]:
    """Stop and start again on request, with all failures forgotten."""
    if is_leaving or (child.state == "stopping" and child.after_stop == "remove"):
        return []
    child.forget_failures()
    if child.has_process:
        child.fault, child.kill_reason = "", ""
        return stop(child, "restart", REQUESTED, now, is_leaving=is_leaving)
    return start(child, REQUESTED, now) if child.state != "waiting" else []


def check_memory(child: ChildState, private_mib: float, now: float, *, is_leaving: bool) -> list[Effect]:
    """Restart a child that uses more memory than its spec allows.

    It may end by itself if it is quick; it is killed before it has used up the memory of the machine.
    """
    limit_mib = child.spec.memory_limit_mib
    if not limit_mib or private_mib <= limit_mib or child.state not in ("starting", "ready"):
        return []
    fault = f"{private_mib:.0f} MiB of memory, limit is {limit_mib} MiB"
    effects = stop(child, "crash", fault, now, is_leaving=is_leaving)
    child.fault, child.kill_reason = fault, "memory_limit"
    if child.pid is not None:
        child.stop_step, child.due_at = "dump", now + MEMORY_GRACE_SECONDS  # what comes next is a kill
    return effects
