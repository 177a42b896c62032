"""Two names trade what they mean, in one step; where that cannot be, nothing changes."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from actors.shared.durable import atomic_exchange as module
from actors.shared.durable.atomic_exchange import exchange
from actors.shared.durable.durable_write import DurableWriteFailed

NEEDS_EXCHANGE = pytest.mark.skipif(
    sys.platform not in ("linux", "darwin"), reason="the platform has no such call"
)


@NEEDS_EXCHANGE
def test_directories_trade_their_names(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    if not exchange(tmp_path / "a", tmp_path / "b"):
        pytest.skip("this file system has no such call")
    assert [(tmp_path / name / "file").read_text() for name in ("a", "b")] == ["b", "a"]
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


@NEEDS_EXCHANGE
def test_missing_name_is_an_error_and_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(DurableWriteFailed, match="rename failed") as caught:
        exchange(tmp_path / "a", tmp_path / "b")
    assert caught.value.errno == errno.ENOENT
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EINVAL])
def test_platform_without_the_call_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(module, "_exchange", lambda first, second: number)
    assert exchange(tmp_path / "a", tmp_path / "b") is False
