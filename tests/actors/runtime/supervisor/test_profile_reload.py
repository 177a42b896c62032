"""A profile is read again away from the loop, and the newest one counts."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from actors.runtime.supervisor import profile_reload
from actors.runtime.supervisor.profile_reload import ProfileReload
from actors.shared.profile.profile import ProfileError, read_profile
from tests.support.profiles import write_profile

pytestmark = pytest.mark.anyio


class Reloading:
    """A reload whose readings stop at a gate."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.gate = threading.Semaphore(0)
        self.readings: asyncio.Queue[None] = asyncio.Queue()
        self.found: asyncio.Queue[Any] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def read(directory: Path) -> Any:
            loop.call_soon_threadsafe(self.readings.put_nowait, None)
            assert self.gate.acquire(timeout=20)
            return read_profile(directory)

        monkeypatch.setattr(profile_reload, "read_profile", read)
        self.reload = ProfileReload(
            directory, lambda profile, specs: self.found.put_nowait(specs), self.found.put_nowait
        )


async def test_a_disk_that_does_not_answer_holds_up_nobody_and_the_newest_profile_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reloading = Reloading(write_profile(tmp_path, "history"), monkeypatch)
    reloading.reload.ask()
    await asyncio.wait_for(reloading.readings.get(), 20)  # the loop runs on meanwhile
    reloading.reload.ask()
    write_profile(tmp_path, "state_store")
    reloading.gate.release(2)
    specs = await asyncio.wait_for(reloading.found.get(), 20)
    assert [spec.name for spec in specs] == ["broker", "state_store"]
    assert reloading.found.empty()


async def test_a_profile_that_does_not_apply_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reloading = Reloading(tmp_path, monkeypatch)
    (tmp_path / "profile.toml").write_text("name = 7")
    reloading.gate.release()
    reloading.reload.ask()
    assert isinstance(await asyncio.wait_for(reloading.found.get(), 20), ProfileError)


async def test_what_is_read_after_the_end_is_not_applied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reloading = Reloading(write_profile(tmp_path, "history"), monkeypatch)
    reloading.reload.ask()
    await asyncio.wait_for(reloading.readings.get(), 20)
    reloading.reload.cancel()
    reloading.gate.release()
    await asyncio.sleep(0)
    assert reloading.found.empty()
