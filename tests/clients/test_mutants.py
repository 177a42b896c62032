"""Each rule of the protocol page is held by a scenario: a client that breaks it alone is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.mutants import MUTANTS, Mutant
from tests.clients.mutation_run import mutate, run
from tests.clients.scenario_runner import scenarios

pytestmark = pytest.mark.anyio

SCENARIOS = {scenario["name"] for scenario in scenarios()}
CLASSICS = [mutant for mutant in MUTANTS if mutant.is_classic]


def named(mutants: list[Mutant]) -> list[object]:
    return [pytest.param(mutant, id=mutant.rule.replace(" ", "-")) for mutant in mutants]


@pytest.mark.parametrize("mutant", named(MUTANTS))
def test_a_mutant_changes_one_place_and_names_its_scenarios(mutant: Mutant, tmp_path: Path) -> None:
    mutate(mutant, tmp_path)
    assert mutant.scenarios
    assert all(name in SCENARIOS for name in mutant.scenarios)


def test_there_are_mutants_of_all_thirteen_rules_that_were_once_broken_unnoticed() -> None:
    assert len(CLASSICS) == 13
    assert len({mutant.rule for mutant in MUTANTS}) == len(MUTANTS)


async def test_a_client_that_breaks_one_of_the_thirteen_rules_is_noticed() -> None:
    """All at once, since a scenario that waits for a broken client takes its time."""
    assert [mutant.rule for mutant, red in await run(CLASSICS, at_once=len(CLASSICS)) if not red] == []


@pytest.mark.slow
async def test_a_client_that_breaks_another_rule_is_noticed() -> None:
    others = [mutant for mutant in MUTANTS if not mutant.is_classic]
    assert [mutant.rule for mutant, red in await run(others) if not red] == []
