"""The keychain of the operating system: Keychain of macOS, Credential Manager of Windows, Secret Service or KWallet."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

from actors.shared.keys.keychain import KeychainFailed
from schemas.keys import LockReason

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

REFUSED: Final = ("keyring.backends.fail", "keyring.backends.null", "keyrings.alt", "keyring.backends.file")
"""Modules of backends that keep nothing, or keep it for everybody to read."""

_SECRET_SERVICE: Final = "keyring.backends.SecretService"  # noqa: S105  # a module
_CHAINER: Final = "keyring.backends.chainer"


class SystemKeychain:
    """Speaks to the keychain through the library keyring; refuses backends that keep no secret. May block: see `worker`."""

    def __init__(self, service: str, *, interactive: bool = False) -> None:
        self._service = service
        self._interactive = interactive
        self.name = "system"

    def get(self, account: str) -> str | None:
        """See `Keychain`. Without `interactive` a locked one is not asked to open, so no window comes up."""
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
        """The backend that is there now: a daemon may have come or gone since the last call.

        Raises:
            KeychainFailed: there is none, it is refused, or it is locked.
        """
        backend = _detect()
        kind = f"{type(backend).__module__}.{type(backend).__qualname__}"
        if kind.startswith(REFUSED):
            if kind.startswith("keyring.backends.fail"):
                raise KeychainFailed("no_keychain", "no keychain is running here")
            raise KeychainFailed(
                "keychain_refused", f"{kind} keeps no secrets, or keeps them for everybody to read"
            )
        self.name = kind
        if kind.startswith(_SECRET_SERVICE):
            _open(self._interactive)
        return backend


def _detect() -> KeyringBackend:
    """What keyring would choose, found anew: it remembers for ever what was not running when it was first asked."""
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
    return max(found, key=by_priority, default=fail.Keyring())  # type: ignore[no-untyped-call]  # keyring types its functions, not its classes


def _kind(backend: KeyringBackend) -> str:
    return type(backend).__module__


def _open(interactive: bool) -> None:
    """See to it that a Secret Service is open before it is asked, with a prompt only for somebody who wants one.

    keyring would put a window in front of somebody who did nothing, and leave its connection open when that
    is dismissed.

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
    """Put what backends raise, which is not specified, into our words; messages of theirs name no secret."""
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
        raise KeychainFailed(reason, f"{type(error).__name__}: {error}") from error
