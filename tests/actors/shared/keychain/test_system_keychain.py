"""Backends that keep no secret are refused. tests/acceptance/test_secret_service.py asks a real one."""

from __future__ import annotations

import pytest
from keyring.backend import KeyringBackend

from actors.shared.keychain.keychain import KeychainFailed
from actors.shared.keychain.system_keychain import SystemKeychain


@pytest.fixture(autouse=True)
def no_session(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nobody's real keychain is asked."""
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
    monkeypatch.delenv("PYTHON_KEYRING_BACKEND", raising=False)


@pytest.mark.skipif("sys.platform != 'linux'", reason="elsewhere the system always has one")
@pytest.mark.requirement("S3-19")
def test_no_keychain_has_a_name_of_its_own() -> None:
    with pytest.raises(KeychainFailed) as caught:
        SystemKeychain("undercroft").get("a")
    assert caught.value.reason == "no_keychain"
    with pytest.raises(KeychainFailed, match="no keychain is running"):
        SystemKeychain("undercroft").put("a", "b")


@pytest.mark.requirement("S3-19")
@pytest.mark.parametrize("backend", ["keyring.backends.null.Keyring", "keyring.backends.fail.Keyring"])
def test_backend_that_keeps_nothing_is_refused(monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", backend)
    with pytest.raises(KeychainFailed) as caught:
        SystemKeychain("undercroft").put("a", "b")
    assert caught.value.reason in ("keychain_refused", "no_keychain")


PLAINTEXT = """
from keyring.backend import KeyringBackend

class PlaintextKeyring(KeyringBackend):
    priority = 9
    kept = {}
    def get_password(self, service, username): return self.kept.get(username)
    def set_password(self, service, username, password): self.kept[username] = password
    def delete_password(self, service, username): raise RuntimeError("something of its own")
"""


@pytest.mark.requirement("S3-19")
def test_plaintext_backend_is_refused_by_name_and_another_one_that_a_person_chose_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("backends")
    (directory / "keyrings").mkdir()
    for name in ("keyrings/alt.py", "vault_of_a_company.py"):
        (directory / name).write_text(PLAINTEXT)
    monkeypatch.syspath_prepend(str(directory))
    monkeypatch.setattr(
        KeyringBackend, "_classes", set(KeyringBackend._classes)
    )  # defining one makes it known to the whole process
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyrings.alt.PlaintextKeyring")
    with pytest.raises(KeychainFailed, match="keyrings.alt.PlaintextKeyring keeps no secrets"):
        SystemKeychain("undercroft").put("a", "b")
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "vault_of_a_company.PlaintextKeyring")
    chain = SystemKeychain("undercroft")
    chain.put("a", "b")
    assert (chain.get("a"), chain.name) == ("b", "vault_of_a_company.PlaintextKeyring")
    with pytest.raises(KeychainFailed, match="something of its own"):
        chain.remove("a")


def test_backend_that_does_not_exist_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "no_such_module.Keyring")
    with pytest.raises(KeychainFailed, match="no_such_module"):
        SystemKeychain("undercroft").get("a")
