"""Secret settings in a real Secret Service: stored there, locked, gone."""

from __future__ import annotations

import pytest

from actors.config_store.setting_secrets import SettingSecrets, new_reference
from actors.config_store.settings.setting_layers import REFERENCE
from actors.shared.keychain.keychain import KeychainFailed
from tests.acceptance.test_secret_service import Desktop, desktop
from tests.acceptance.test_secret_service import pytestmark as needed

pytestmark = [*needed, pytest.mark.anyio]
__all__ = ["desktop"]


@pytest.mark.requirement("S3-19")
async def test_a_secret_is_kept_in_the_keyring_and_outlives_its_restart_until_it_is_forgotten(
    desktop: Desktop,
) -> None:
    reference = new_reference()
    await SettingSecrets.for_app("dictation").store({"cloud.key": (reference, "sk-1234")})
    assert [str(entry).endswith(reference[REFERENCE]) for entry in desktop.entries()] == [True]
    desktop.kill_daemon()
    desktop.start_daemon()
    secrets = SettingSecrets.for_app("dictation")
    assert await secrets.reveal(reference) == "sk-1234"
    await secrets.remove([reference])
    assert desktop.entries() == []
    with pytest.raises(KeychainFailed, match="no such entry"):
        await secrets.reveal(reference)


@pytest.mark.requirement("S3-19")
async def test_a_locked_keyring_or_none_refuses_by_name_and_keeps_nothing(desktop: Desktop) -> None:
    secrets, kept, refused = SettingSecrets.for_app("dictation"), new_reference(), new_reference()
    await secrets.store({"cloud.key": (kept, "sk-1234")})
    desktop.lock()
    with pytest.raises(KeychainFailed) as caught:
        await secrets.store({"cloud.other": (refused, "sk-5678")})
    assert caught.value.reason == "keychain_locked"
    assert "sk-5678" not in str(caught.value)
    desktop.kill_daemon()
    with pytest.raises(KeychainFailed) as gone:
        await secrets.reveal(kept)
    assert gone.value.reason == "no_keychain"
    desktop.start_daemon()
    assert await SettingSecrets.for_app("dictation").reveal(kept) == "sk-1234"
