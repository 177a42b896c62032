"""What a process that the fork server forked does first: it becomes a command or an actor. Linux only."""

from __future__ import annotations

import errno
import faulthandler
import fcntl
import gc
import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Final, NoReturn

from actors.runtime import core_dumps, process_name
from actors.runtime.supervisor.processes.descendants.child_groups import join
from actors.runtime.supervisor.processes.fork_letters import ForkLetter
from actors.runtime.supervisor.processes.spawner import PRIVATE_UMASK, cannot_run_words, is_final
from bus.lifeline import Lifeline

EXIT_CANNOT_RUN: Final = 127
LIFELINE_FD: Final = 3
REPORT_FD: Final = 3
"""Of a command, until its program runs: the kernel closes it then."""

TRY_AGAIN: Final = "!"
"""Begins the report of a failure that need not be one the next time."""


def become_child(
    letter: ForkLetter, descriptors: list[int], report_fd: int | None, server_pid: int, group: str = ""
) -> None:
    """Release what belongs to the server, then become what the letter says.

    Args:
        letter: the order.
        descriptors: lifeline (or stdin) and log.
        report_fd: where a command says why it cannot run; None for an actor.
        server_pid: the fork server, with which it ends.
        group: its control group; empty for that of the server.
    """
    join(group)
    os.setsid()
    process_name.die_with_parent(server_pid)
    os.umask(PRIVATE_UMASK)
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    # out of the way of the fixed numbers below
    first, log, *report = (
        fcntl.fcntl(fd, fcntl.F_DUPFD, LIFELINE_FD + 1)
        for fd in (*descriptors, *([] if report_fd is None else [report_fd]))
    )
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.update(letter.environment)
    if report:
        os.dup2(first, 0)
        os.dup2(report[0], REPORT_FD, inheritable=False)
        os.closerange(REPORT_FD + 1, _fd_limit())
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, other programs rely on it
        core_dumps.restore_for_program()
        _run_command(letter)
    os.dup2(first, LIFELINE_FD, inheritable=False)
    os.closerange(LIFELINE_FD + 1, _fd_limit())
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    gc.enable()
    faulthandler.enable(file=2, all_threads=True)
    faulthandler.register(signal.SIGUSR1, file=2, all_threads=True)
    from actors.runtime.child_main import run

    run(Lifeline(LIFELINE_FD, LIFELINE_FD))


def _run_command(letter: ForkLetter) -> NoReturn:
    try:
        if letter.directory:
            os.chdir(letter.directory)
        os.execvp(letter.command[0], letter.command)  # noqa: S606 - the command of a child spec is not for a shell
    except (OSError, ValueError) as error:
        fault = error if isinstance(error, OSError) else OSError(errno.EINVAL, str(error))
        words = cannot_run_words(letter.name, letter.command[0], letter.directory, fault)
        os.write(REPORT_FD, (words if is_final(fault) else TRY_AGAIN + words).encode())
    os._exit(EXIT_CANNOT_RUN)


def _fd_limit() -> int:
    return os.sysconf("SC_OPEN_MAX")


def never_return(work: Callable[[], object]) -> NoReturn:
    """Do the work of a forked process, then exit: the stack below belongs to the parent."""
    code = 1
    try:
        work()
        code = 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 0 if leaving.code is None else 1
        if isinstance(leaving.code, str):
            sys.stderr.write(f"{leaving.code}\n")  # as the interpreter does
    except BaseException:  # the exit code and the log report it
        traceback.print_exc()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)
