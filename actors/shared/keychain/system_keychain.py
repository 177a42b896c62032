"""The keychain of the operating system: of macOS, Windows, Secret Service or KWallet."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

from actors.shared.keychain.keychain import KeychainFailed
from bus.error_words import in_words
from schemas.keys import LockReason

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

REFUSED: Final = ("keyring.backends.fail", "keyring.backends.null", "keyrings.alt", "keyring.backends.file")
"""Modules of backends that keep nothing, or keep it where everybody can read it."""

_SECRET_SERVICE: Final = "keyring.backends.SecretService"  # noqa: S105  # a module
_CHAINER: Final = "keyring.backends.chainer"


class SystemKeychain:
    """Talks to the keychain through the library keyring. Refuses backends that keep no secret.

    A call may block for ever; `KeychainWorker` adds a timeout.
    """

    def __init__(self, service: str, *, interactive: bool = False) -> None:
        """Ask nothing yet.

        Args:
            service: under which the entries lie.
            interactive: a locked keychain may show a window and ask for its password.
        """
        self._service = service
        self._interactive = interactive
        self.name = "system"

    def get(self, account: str) -> str | None:
        """See `Keychain`."""
        with _translated():
            return self._backend().get_password(self._service, account)

    def put(self, account: str, secret: str) -> None:
        """See `Keychain`."""
        with _translated():
            self._backend().set_password(self._service, account, secret)

    def remove(self, account: str) -> None:
        """See `Keychain`."""
        from keyring.errors import PasswordDeleteError

        with _translated(), contextlib.suppress(PasswordDeleteError):
            self._backend().delete_password(self._service, account)

    def _backend(self) -> KeyringBackend:
        """The backend that runs now: a daemon may have started or stopped since the last call.

        Raises:
            KeychainFailed: there is none, it is refused, or it is locked.
        """
        backend = _detect()
        kind = f"{type(backend).__module__}.{type(backend).__qualname__}"
        if kind.startswith(REFUSED):
            if kind.startswith("keyring.backends.fail"):
                raise KeychainFailed("no_keychain", "no keychain is running here")
            raise KeychainFailed(
                "keychain_refused", f"{kind} keeps no secrets, or keeps them where everybody can read them"
            )
        self.name = kind
        if kind.startswith(_SECRET_SERVICE):
            _open(self._interactive)
        return backend


def _detect() -> KeyringBackend:
    """What keyring would choose now. Keyring itself would not notice a daemon that was started later."""
    import keyring.core
    from keyring.backend import KeyringBackend, _load_plugins, by_priority
    from keyring.backends import fail

    chosen = keyring.core.load_env() or keyring.core.load_config()
    if chosen is not None and not _kind(chosen).startswith(_CHAINER):
        return chosen
    _load_plugins()
    viable = [
        kind
        for kind in KeyringBackend.get_viable_backends()
        if not kind.__module__.startswith((*REFUSED, _CHAINER))
    ]
    found: list[Any] = []
    for kind in viable:
        with contextlib.suppress(TypeError):
            found.append(kind())
    none = fail.Keyring()  # type: ignore[no-untyped-call]  # keyring types its functions, not its classes
    return max(found, key=by_priority, default=none)


def _kind(backend: KeyringBackend) -> str:
    return type(backend).__module__


def _open(interactive: bool) -> None:
    """Make sure that a Secret Service is unlocked before it is asked. Prompts only if `interactive`.

    keyring would show a window to a person who did nothing, and leak its connection if that is dismissed.

    Raises:
        KeychainFailed: it is locked.
    """
    import secretstorage

    with contextlib.closing(secretstorage.dbus_init()) as connection:
        try:
            collection = secretstorage.get_collection_by_alias(connection, "default")
        except secretstorage.ItemNotFoundException as error:
            if not interactive:
                raise KeychainFailed(
                    "keychain_locked", "the keychain was never set up; 'undercroft keys unlock' does"
                ) from error
            collection = secretstorage.get_default_collection(connection)
        if interactive and collection.is_locked():
            collection.unlock()
        if collection.is_locked():
            raise KeychainFailed(
                "keychain_locked", "the keychain is locked; unlock it, or run 'undercroft keys unlock'"
            )


@contextlib.contextmanager
def _translated() -> Any:
    """Translate what backends raise, which is not specified. Their messages name no secret."""
    from keyring.errors import KeyringError, KeyringLocked, NoKeyringError

    try:
        yield
    except KeychainFailed:
        raise
    except KeyringLocked as error:
        raise KeychainFailed("keychain_locked", str(error)) from error
    except NoKeyringError as error:
        raise KeychainFailed("no_keychain", str(error)) from error
    except KeyringError as error:
        raise KeychainFailed("keychain_refused", str(error)) from error
    except Exception as error:  # backends leak the errors of D-Bus, COM and the Security framework
        gone = type(error).__name__ in (
            "SecretServiceNotAvailableException",
            "ConnectionResetError",
            "ConnectionRefusedError",
            "FileNotFoundError",
        )
        locked = type(error).__name__ in ("LockedException", "PromptDismissedException")
        reason: LockReason = "keychain_locked" if locked else "no_keychain" if gone else "keychain_refused"
        raise KeychainFailed(reason, in_words(error)) from error
