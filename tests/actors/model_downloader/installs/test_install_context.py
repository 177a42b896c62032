"""What installs share: a few of them fetch at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.model_downloader.installs.install_context import INSTALLS_AT_ONCE
from actors.model_downloader.staging.models_layout import ModelsLayout
from tests.support.downloader_parts import downloader_parts
from tests.support.scripted_peer import ScriptedPeer

pytestmark = pytest.mark.anyio


async def test_each_downloader_has_slots_of_its_own(tmp_path: Path) -> None:
    one, other = (downloader_parts(ModelsLayout(tmp_path), ScriptedPeer()).installs for _ in range(2))
    one.slots.acquire_nowait()
    assert (one.slots.value, other.slots.value) == (INSTALLS_AT_ONCE - 1, INSTALLS_AT_ONCE)
