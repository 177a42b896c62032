"""Many writers share a commit, in their order; each gets its own outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import anyio
import pytest

from actors.state_store.committer import GROUP_LIMIT, Committer
from actors.state_store.engine.operations import Save, StepDone, WriteStep
from actors.state_store.engine.store import StateStore
from actors.state_store.errors import RevisionConflict, StateError, StoreBroken

pytestmark = pytest.mark.anyio


class Watched(StateStore):
    """Notes how large the groups are."""

    groups: list[int]
    checkpoints = 0

    def commit(self, transactions: Sequence[Sequence[WriteStep]]) -> list[list[StepDone] | StateError]:
        self.groups.append(len(transactions))
        return super().commit(transactions)

    def checkpoint(self) -> None:
        self.checkpoints += 1
        super().checkpoint()


def watched(root: Path) -> Watched:
    store = Watched(root)
    store.groups = []
    return store.start()


async def test_what_waits_is_carried_out_together_and_in_order(tmp_path: Path) -> None:
    store = watched(tmp_path)
    committer = Committer(store)
    outcomes = [committer.submit([Save(f"config.k{n % 3}", n)]) for n in range(GROUP_LIMIT + 10)]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(committer.run)
        await committer.drained()
        tasks.cancel_scope.cancel()
    revisions = [(await outcome)[0].revision for outcome in outcomes]
    assert revisions == sorted(revisions)
    assert store.groups == [GROUP_LIMIT, 10]
    assert store.load("config.k0").value == max(n for n in range(GROUP_LIMIT + 10) if n % 3 == 0)
    store.close()


async def test_one_refusal_among_many_is_its_own(tmp_path: Path) -> None:
    store = watched(tmp_path)
    committer = Committer(store)
    async with anyio.create_task_group() as tasks:
        good, bad, late = (
            committer.submit([Save("config.a", 1)]),
            committer.submit([Save("config.a", 2, expected_revision=99)]),
            committer.submit([Save("config.b", 3)]),
        )
        tasks.start_soon(committer.run)
        await good
        await late
        with pytest.raises(RevisionConflict):
            await bad
        tasks.cancel_scope.cancel()
    assert store.load("config.a").value == 1
    store.close()


async def test_a_writer_that_stops_waiting_disturbs_nobody(tmp_path: Path) -> None:
    store = watched(tmp_path)
    committer = Committer(store)
    committer.submit([Save("config.a", 1)]).cancel()
    other = committer.submit([Save("config.b", 1)])
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(committer.run)
        await other
        tasks.cancel_scope.cancel()
    assert store.load("config.a").value == 1, "it was submitted, so it was carried out"
    store.close()


async def test_a_while_after_a_write_the_journal_is_tidied_up(tmp_path: Path) -> None:
    store = watched(tmp_path)
    committer = Committer(store, idle_seconds=0.0)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(committer.run)
        tasks.start_soon(committer.run_checkpoints)
        await committer.submit([Save("config.a", "x" * 5000)])
        with anyio.fail_after(10):
            while not store.checkpoints or store.journal_bytes > 1000:
                await asyncio.sleep(0)
        tasks.cancel_scope.cancel()
    assert len(list((tmp_path / ".journal").iterdir())) == 1
    store.close()


async def test_a_store_that_is_broken_ends_the_run(tmp_path: Path) -> None:
    class Broken(Watched):
        def commit(self, transactions: Sequence[Sequence[WriteStep]]) -> list[list[StepDone] | StateError]:
            raise StoreBroken("config/a.json", "input/output error")

    committer = Committer(Broken(tmp_path))
    committer.submit([Save("config.a", 1)])
    with pytest.raises(StoreBroken):
        await committer.run()
