"""Values of secrets are kept under names of their own, all or none, and seen to come back."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.config_store.setting_secrets import SIZE_LIMIT_BYTES, SecretKeeper, new_reference, references_in
from actors.shared.keys.file_keychain import FileKeychain
from actors.shared.keys.keychain import KeychainFailed

pytestmark = pytest.mark.anyio


@pytest.fixture
def keychain(tmp_path: Path) -> FileKeychain:
    return FileKeychain(tmp_path / "keychain.json")


async def test_what_is_kept_comes_back_until_it_is_forgotten(keychain: FileKeychain) -> None:
    keeper, reference = SecretKeeper(keychain), new_reference()
    await keeper.keep({"cloud.key": (reference, "hush")})
    assert await keeper.reveal(reference) == "hush"
    await keeper.forget([reference])
    with pytest.raises(KeychainFailed, match="no such entry"):
        await keeper.reveal(reference)


class Forgetful(FileKeychain):
    """Takes everything, and keeps only what is short."""

    def put(self, account: str, secret: str) -> None:
        if len(secret) < 5:
            super().put(account, secret)


async def test_all_are_kept_or_none(tmp_path: Path) -> None:
    keychain = Forgetful(tmp_path / "keychain.json")
    first, second = new_reference(), new_reference()
    with pytest.raises(KeychainFailed, match=r"did not give cloud\.second back"):
        await SecretKeeper(keychain).keep(
            {"cloud.first": (first, "hush"), "cloud.second": (second, "longer than that")}
        )
    assert all(keychain.get(reference["$secret"]) is None for reference in (first, second))


async def test_a_value_that_no_keychain_keeps_is_refused_before(keychain: FileKeychain) -> None:
    with pytest.raises(KeychainFailed, match="bytes"):
        await SecretKeeper(keychain).keep({"cloud.key": (new_reference(), "x" * (SIZE_LIMIT_BYTES + 1))})


async def test_only_references_of_ours_are_looked_up(keychain: FileKeychain) -> None:
    keychain.put("password of somebody", "else")
    with pytest.raises(KeychainFailed, match="none of ours"):
        await SecretKeeper(keychain).reveal({"$secret": "password of somebody"})
    await SecretKeeper(keychain).forget([{"$secret": "password of somebody"}])
    assert keychain.get("password of somebody") == "else"


def test_references_are_found_among_values() -> None:
    reference = new_reference()
    assert references_in({"a": 1, "b": reference, "c": {"x": 1}}) == {reference["$secret"]: reference}
