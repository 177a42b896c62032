"""Values of secrets are kept under names of their own, all or none, and seen to come back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from actors.config_store.setting_secrets import SIZE_LIMIT_BYTES, SettingSecrets, new_reference, references_in
from actors.shared.keychain.file_keychain import FileKeychain
from actors.shared.keychain.keychain import KeychainFailed
from actors.shared.keychain.keychain_choice import KEYCHAIN_VARIABLE

pytestmark = pytest.mark.anyio


@pytest.fixture
def keychain(tmp_path: Path) -> FileKeychain:
    return FileKeychain(tmp_path / "keychain.json")


async def test_what_is_kept_comes_back_until_it_is_forgotten(keychain: FileKeychain) -> None:
    secrets, reference = SettingSecrets(lambda: keychain), new_reference()
    await secrets.store({"cloud.key": (reference, "hush")})
    assert await secrets.reveal(reference) == "hush"
    await secrets.remove([reference])
    with pytest.raises(KeychainFailed, match="no such entry"):
        await secrets.reveal(reference)


class Forgetful(FileKeychain):
    """Takes everything, and keeps only what is short."""

    def put(self, account: str, secret: str) -> None:
        if len(secret) < 5:
            super().put(account, secret)


async def test_all_are_stored_or_none(tmp_path: Path) -> None:
    keychain = Forgetful(tmp_path / "keychain.json")
    first, second = new_reference(), new_reference()
    with pytest.raises(KeychainFailed, match=r"did not return cloud\.second"):
        await SettingSecrets(lambda: keychain).store(
            {"cloud.first": (first, "hush"), "cloud.second": (second, "longer than that")}
        )
    assert all(keychain.get(reference["$secret"]) is None for reference in (first, second))


async def test_a_value_that_no_keychain_keeps_is_refused_before(keychain: FileKeychain) -> None:
    with pytest.raises(KeychainFailed, match="bytes"):
        await SettingSecrets(lambda: keychain).store(
            {"cloud.key": (new_reference(), "x" * (SIZE_LIMIT_BYTES + 1))}
        )


async def test_only_references_of_ours_are_looked_up(keychain: FileKeychain) -> None:
    keychain.put("password of somebody", "else")
    with pytest.raises(KeychainFailed, match="the store did not make"):
        await SettingSecrets(lambda: keychain).reveal({"$secret": "password of somebody"})
    await SettingSecrets(lambda: keychain).remove([{"$secret": "password of somebody"}])
    assert keychain.get("password of somebody") == "else"


def test_references_are_found_among_values() -> None:
    reference = new_reference()
    assert references_in({"a": 1, "b": reference, "c": {"x": 1}}) == {reference["$secret"]: reference}


async def test_a_keychain_that_cannot_be_used_is_a_failure_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEYCHAIN_VARIABLE, "drawer")
    secrets = SettingSecrets.for_app("dictation")
    for _ in range(2):
        with pytest.raises(KeychainFailed, match="there is no such keychain"):
            await secrets.store({"cloud.key": (new_reference(), "hush")})


async def test_calls_wait_for_each_other(tmp_path: Path) -> None:
    """A keychain with a timeout refuses a second call while one hangs; calls of one store never meet."""
    under_way: list[str] = []

    class Jealous(FileKeychain):
        def get(self, account: str) -> str | None:
            assert under_way == []
            under_way.append(account)
            try:
                return super().get(account)
            finally:
                under_way.remove(account)

    keychain = Jealous(tmp_path / "keychain.json")
    secrets, references = SettingSecrets(lambda: keychain), [new_reference() for _ in range(20)]
    await secrets.store({str(number): (one, "hush") for number, one in enumerate(references)})
    async with asyncio.TaskGroup() as group:
        found = [group.create_task(secrets.reveal(one)) for one in references]
    assert {one.result() for one in found} == {"hush"}
