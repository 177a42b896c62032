"""Requests about keys: checked, carried out, refused with the key in the words."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.state import (
    VALUE_LIMIT_BYTES,
    BatchOperation,
    StateDeleteRequestEvent,
    StateExistsRequestEvent,
    StateListRequestEvent,
    StateLoadBatchRequestEvent,
    StateLoadRequestEvent,
    StateSaveBatchRequestEvent,
    StateSaveRequestEvent,
)
from tests.support.state_lab import refusal, running_without_copies

pytestmark = pytest.mark.anyio


@pytest.mark.requirement("S3-3")
async def test_what_is_missing_is_null_and_what_is_deleted_is_gone(tmp_path: Path) -> None:
    async with running_without_copies(tmp_path) as lab:
        missing = await lab.app.request(StateLoadRequestEvent(key="config.app"))
        assert (missing.found, missing.value, missing.revision) == (False, None, 0)
        await lab.save("config.app", None)
        found = await lab.app.request(StateLoadRequestEvent(key="config.app"))
        assert (found.found, found.value) == (True, None)
        assert (await lab.app.request(StateExistsRequestEvent(key="config.app"))).exists
        assert (await lab.app.request(StateDeleteRequestEvent(key="config.app"))).existed
        assert not (await lab.app.request(StateDeleteRequestEvent(key="config.app"))).existed
        assert not (await lab.app.request(StateExistsRequestEvent(key="config.app"))).exists
        assert await lab.load("config.app") is None


@pytest.mark.requirement("S3-4")
async def test_a_batch_is_taken_whole_or_not_at_all_and_loaded_as_a_map(tmp_path: Path) -> None:
    async with running_without_copies(tmp_path) as lab:
        await lab.save("config.old", 1)
        operations = [
            BatchOperation(type="save", key="config.a", value=[1]),
            BatchOperation(type="save", key="config.b", value=2),
            BatchOperation(type="delete", key="config.old"),
        ]
        done = await lab.app.request(StateSaveBatchRequestEvent(operations=operations))
        assert set(done.revisions) == {"config.a", "config.b", "config.old"}
        found = await lab.app.request(StateLoadBatchRequestEvent(keys=["config.a", "config.b", "config.old"]))
        assert found.values == {"config.a": [1], "config.b": 2, "config.old": None}
        assert found.revisions["config.old"] == 0
        bad = [
            BatchOperation(type="save", key="config.a", value=9),
            BatchOperation(type="save", key="layout.x", value={"version": 1}),
        ]
        assert "validation failed for layout.x" in await refusal(
            lab.app.request(StateSaveBatchRequestEvent(operations=bad))
        )
        assert await lab.load("config.a") == [1]


@pytest.mark.requirement("S3-13", "S3-8", "S3-18")
async def test_errors_name_the_key(tmp_path: Path) -> None:
    async with running_without_copies(tmp_path) as lab:
        assert "validation failed for layout.x" in await refusal(lab.save("layout.x", {"version": "1"}))
        assert "validation failed for config.x" in await refusal(lab.save("config.x", b"bytes"))
        assert "validation failed for config.x" in await refusal(lab.save("config.x", float("nan")))
        assert "is not a key" in await refusal(lab.save("nonsense", 1))
        assert "there is no namespace 'other'" in await refusal(lab.save("other.x", 1))
        await lab.save("config.x", 1)
        (tmp_path / "config" / "x.json").chmod(0o600)
        assert "failed to save config.x: expected revision 99, found" in await refusal(
            lab.save("config.x", 2, expected_revision=99)
        )


@pytest.mark.requirement("S3-24", "S3-23")
async def test_who_may_touch_a_namespace_is_enforced_on_the_bus_and_every_access_is_audited(
    tmp_path: Path,
) -> None:
    async with (
        running_without_copies(tmp_path) as lab,
        lab.bus.connect("notebook") as owner,
        lab.bus.connect("alice") as alice,
        lab.bus.connect("eve") as eve,
    ):
        await owner.request(StateSaveRequestEvent(key="notes.one", value="dear diary"))
        assert (await alice.request(StateLoadRequestEvent(key="notes.one"))).value == "dear diary"
        assert "'alice' may not write" in await refusal(
            alice.request(StateSaveRequestEvent(key="notes.one", value="x"))
        )
        for request in (
            StateLoadRequestEvent(key="notes.one"),
            StateExistsRequestEvent(key="notes.one"),
            StateLoadBatchRequestEvent(keys=["config.x", "notes.one"]),
        ):
            assert "'eve' may not read" in await refusal(eve.request(request))
        for write in (
            StateDeleteRequestEvent(key="notes.one"),
            StateSaveBatchRequestEvent(operations=[BatchOperation(type="delete", key="notes.one")]),
        ):
            assert "'eve' may not write" in await refusal(eve.request(write))
        assert (await eve.request(StateListRequestEvent())).total == 0
        assert [one.key for one in (await alice.request(StateListRequestEvent())).keys] == ["notes.one"]
        assert (await owner.request(StateLoadRequestEvent(key="notes.one"))).value == "dear diary"
        assert ("notebook", "save", "notes.one", "ok") in lab.audit.lines
        assert ("alice", "load", "notes.one", "ok") in lab.audit.lines
        assert ("eve", "load", "notes.one", "refused") in lab.audit.lines
        assert not any("diary" in "".join(line) for line in lab.audit.lines)


async def test_a_writer_that_has_not_seen_the_newest_revision_is_refused_with_both(tmp_path: Path) -> None:
    async with running_without_copies(tmp_path) as lab:
        first = await lab.save("config.x", 1, expected_revision=0)
        second = await lab.save("config.x", 2, expected_revision=first)
        assert f"expected revision {first}, found {second}" in await refusal(
            lab.save("config.x", 3, expected_revision=first)
        )
        assert f"expected revision 0, found {second}" in await refusal(
            lab.save("config.x", 3, expected_revision=0)
        )
        await lab.app.request(StateDeleteRequestEvent(key="config.x", expected_revision=second))
        again = await lab.save("config.x", 4)
        assert again > second, "a key that was deleted never has an earlier revision again"


async def test_keys_are_listed_by_prefix_in_pages(tmp_path: Path) -> None:
    async with running_without_copies(tmp_path) as lab:
        names = sorted(f"config.k{n}" for n in range(25))
        await lab.app.request(
            StateSaveBatchRequestEvent(
                operations=[BatchOperation(type="save", key=name, value=1) for name in names]
            )
        )
        found, after = [], ""
        while True:
            page = await lab.app.request(StateListRequestEvent(prefix="config.", after=after, limit=10))
            assert page.total == 25
            found += [one.key for one in page.keys]
            after = page.next_after
            if not after:
                break
        assert found == names


async def test_a_value_of_nearly_16_mib_goes_there_and_back_and_a_larger_one_is_refused(
    tmp_path: Path,
) -> None:
    async with running_without_copies(tmp_path) as lab:
        value = "v" * (VALUE_LIMIT_BYTES - 5)
        await lab.app.request(StateSaveRequestEvent(key="config.big", value=value), 30.0)
        assert (await lab.app.request(StateLoadRequestEvent(key="config.big"), 30.0)).value == value
        assert "expected at most" in await refusal(
            lab.app.request(StateSaveRequestEvent(key="config.big", value=value + "v"), 30.0)
        )
        batch = await lab.app.request(StateLoadBatchRequestEvent(keys=["config.big", "config.none"]), 30.0)
        assert batch.values["config.big"] == value
        await lab.save("config.other", "v" * 100_000)
        batch = await lab.app.request(StateLoadBatchRequestEvent(keys=["config.other", "config.big"]), 30.0)
        assert batch.left_out == ["config.big"]
