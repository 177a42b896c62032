"""How processes are started where there is no interpreter: Undercroft was frozen into one program.

A frozen program has no `-m`. It starts itself with an option that says which of our modules to run.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Final

MODULE_OPTION: Final = "--undercroft-module"
MODULES: Final = {
    "actors": "actors.cli.main",
    "actors.cli.topics.app_topics": "actors.cli.topics.app_topics",
    "actors.cli.profile_check.judging_process": "actors.cli.profile_check.judging_process",
    "actors.runtime.child_main": "actors.runtime.child_main",
    "actors.runtime.supervisor.processes.fork_server": "actors.runtime.supervisor.processes.fork_server",
}
"""What may be run so, and where its `main` is."""


def interpreter_command(module: str, *arguments: str) -> list[str]:
    """The command for one of our modules in a process of its own.

    In an interpreter, `-P` keeps the current directory from shadowing it.
    """
    if getattr(sys, "frozen", False):
        return [sys.executable, MODULE_OPTION, module, *arguments]
    return [sys.executable, "-P", "-m", module, *arguments]


def run_frozen_module(arguments: Sequence[str] | None = None) -> None:
    """Run the module that a frozen program was started for, and leave; return if it was not.

    The program of an app that Undercroft is frozen into calls this first. `undercroft` itself does.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not getattr(sys, "frozen", False) or given[:1] != [MODULE_OPTION] or len(given) < 2:
        return
    _, module, *rest = given
    sys.argv = [sys.argv[0], *rest]
    importlib.import_module(MODULES[module]).main()
    sys.exit(0)
