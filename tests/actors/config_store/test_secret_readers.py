"""Secrets are for peers that the profile names, as it is at the moment."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.config_store.secret_readers import SecretReaders
from actors.shared.profile.profile import read_profile
from bus.client import NOBODY
from bus.errors import Refused

PROFILE = 'name = "a"\n[[peers]]\nname = "gateway"\nreveal_secrets = {flag}\n[[peers]]\nname = "other"\n'


def test_without_a_profile_nobody_may_ask() -> None:
    with pytest.raises(Refused, match="not revealed to 'gateway'"):
        SecretReaders().check("gateway")


def test_the_profile_names_them_and_a_change_counts_at_once(tmp_path: Path) -> None:
    file = tmp_path / "profile.toml"
    file.write_text(PROFILE.format(flag="true"))
    readers = SecretReaders.of_profile(read_profile(tmp_path))
    readers.check("gateway")
    for other in ("other", "stranger", NOBODY):
        with pytest.raises(Refused, match="reveal_secrets = true"):
            readers.check(other)
    file.write_text("name =")
    readers.check("gateway")
    file.write_text(PROFILE.format(flag="false"))
    with pytest.raises(Refused):
        readers.check("gateway")
