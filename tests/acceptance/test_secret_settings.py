"""Secrets among the settings, in a real Secret Service: kept there, locked, gone."""

from __future__ import annotations

import pytest

from actors.config_store.setting_layers import REFERENCE
from actors.config_store.setting_secrets import SecretKeeper, new_reference
from actors.shared.keys.keychain import KeychainFailed
from tests.acceptance.test_secret_service import Desktop, desktop
from tests.acceptance.test_secret_service import pytestmark as needed

pytestmark = [*needed, pytest.mark.anyio]
__all__ = ["desktop"]


@pytest.mark.requirement("S3-19")
async def test_a_secret_is_kept_in_the_keyring_and_outlives_its_restart_until_it_is_forgotten(
    desktop: Desktop,
) -> None:
    reference = new_reference()
    await SecretKeeper.for_app("dictation").keep({"cloud.key": (reference, "sk-1234")})
    assert [str(entry).endswith(reference[REFERENCE]) for entry in desktop.entries()] == [True]
    desktop.kill_daemon()
    desktop.start_daemon()
    keeper = SecretKeeper.for_app("dictation")
    assert await keeper.reveal(reference) == "sk-1234"
    await keeper.forget([reference])
    assert desktop.entries() == []
    with pytest.raises(KeychainFailed, match="no such entry"):
        await keeper.reveal(reference)


@pytest.mark.requirement("S3-19")
async def test_a_locked_keyring_or_none_refuses_by_name_and_keeps_nothing(desktop: Desktop) -> None:
    keeper, kept, refused = SecretKeeper.for_app("dictation"), new_reference(), new_reference()
    await keeper.keep({"cloud.key": (kept, "sk-1234")})
    desktop.lock()
    with pytest.raises(KeychainFailed) as caught:
        await keeper.keep({"cloud.other": (refused, "sk-5678")})
    assert caught.value.reason == "keychain_locked"
    assert "sk-5678" not in str(caught.value)
    desktop.kill_daemon()
    with pytest.raises(KeychainFailed) as gone:
        await keeper.reveal(kept)
    assert gone.value.reason == "no_keychain"
    desktop.start_daemon()
    assert await SecretKeeper.for_app("dictation").reveal(kept) == "sk-1234"
