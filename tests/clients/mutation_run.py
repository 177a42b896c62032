"""Breaks the Python client in one rule after the other, and says which scenarios notice. Run it as a module:

python -m tests.clients.mutation_run            each mutant against the scenarios that have to notice
python -m tests.clients.mutation_run --all      against all scenarios with a scripted broker
python -m tests.clients.mutation_run "CANCEL"   only rules with these words
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import undercroft_client
from tests.clients.conftest import python_driver
from tests.clients.mutants import MUTANTS, Mutant
from tests.clients.scenario_runner import play, scenarios

GUARD_SECONDS = 8.0
"""A scenario that waits longer for a broken client is red."""

AT_ONCE = 4


def mutate(mutant: Mutant, directory: Path) -> None:
    """Write the changed client below a directory.

    Raises:
        ValueError: the text that is to be changed does not stand there once.
    """
    package = directory / "undercroft_client"
    shutil.copytree(
        Path(undercroft_client.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__")
    )
    source = (package / mutant.module).read_text(encoding="utf-8")
    old, new = "\n".join(mutant.old), "\n".join(mutant.new)
    if source.count(old) != 1:
        raise ValueError(f"{mutant.rule}: {mutant.module} has its text {source.count(old)} times")
    changed = source.replace(old, new)
    compile(changed, mutant.module, "exec")
    (package / mutant.module).write_text(changed, encoding="utf-8")


async def red_scenarios(
    mutant: Mutant, found: list[dict[str, Any]], guard_seconds: float = GUARD_SECONDS
) -> list[str]:
    """Names of those scenarios that the broken client fails."""
    red = []
    with tempfile.TemporaryDirectory(prefix="m") as name:
        directory = Path(name)
        mutate(mutant, directory)
        for number, scenario in enumerate(found):
            place = directory / str(number)
            place.mkdir()
            environ = {"UNDERCROFT_HOME": "$home", **scenario.get("environ", {}), "PYTHONPATH": name}
            try:
                await play(
                    {**scenario, "environ": environ},
                    python_driver(mutant.driver),
                    place,
                    guard_seconds,
                    is_quiet=True,
                )
            except AssertionError:
                red.append(scenario["name"])
    return red


async def run(
    mutants: list[Mutant], *, with_all: bool = False, at_once: int = AT_ONCE
) -> list[tuple[Mutant, list[str]]]:
    """The red scenarios of each mutant."""
    turn = asyncio.Semaphore(at_once)
    every = scenarios()

    async def one(mutant: Mutant) -> tuple[Mutant, list[str]]:
        async with turn:
            tried = [
                scenario
                for scenario in every
                if scenario["name"] in mutant.scenarios or (with_all and "scripted" in scenario)
            ]
            return mutant, await red_scenarios(mutant, tried)

    return await asyncio.gather(*map(one, mutants))


def main() -> int:
    """Print the table; 1 if a rule can be broken unnoticed."""
    words = [word for word in sys.argv[1:] if not word.startswith("-")]
    chosen = [mutant for mutant in MUTANTS if all(word in mutant.rule for word in words)]
    results = asyncio.run(run(chosen, with_all="--all" in sys.argv))
    print("| rule that is broken | one of the 13 | scenarios that turn red |")
    print("|---|---|---|")
    for mutant, red in results:
        told = "; ".join(red) if len(red) <= 3 else f"{'; '.join(red[:3])}; and {len(red) - 3} more"
        print(f"| {mutant.rule} | {'yes' if mutant.is_classic else ''} | {told or '**none**'} |")
    unnoticed = sum(not red for _, red in results)
    print(f"\n{len(results)} rules, {unnoticed} of them broken unnoticed")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.path.insert(0, os.getcwd())
    sys.exit(main())
