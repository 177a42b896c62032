"""`keys.json`: the data keys, wrapped under the key-encryption key. A copy lies beside it."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec

from actors.shared.crypto.content_codec import ValueNotStorable
from actors.shared.crypto.envelope import (
    EnvelopeDamaged,
    EnvelopeLimits,
    EnvelopeTooNew,
    NotAnEnvelope,
    open_envelope,
    seal,
)
from actors.shared.durable.bounded_read import NEVER_A_FILE, FileUnreadable, read_file
from actors.shared.durable.durable_write import DurableWriteFailed, replace_file
from actors.shared.durable.quarantine import SUFFIX, claim_directory, quarantine
from schemas.bounds import Count, Identifier, Named, PlaceText, UnixSeconds, Word
from schemas.keys import LockReason

FILE_NAME: Final = "keys.json"
COPY_NAME: Final = "keys.copy.json"
SCHEMA: Final = "undercroft.keys"
SCHEMA_VERSION: Final = 1
LIMITS: Final = EnvelopeLimits(content_bytes=8 * 1024 * 1024, value_bytes=4 * 1024 * 1024)


class KeyEncryptionKey(msgspec.Struct, frozen=True, kw_only=True):
    """What is noted of a key in the keychain.

    Attributes:
        created_at: seconds since the Unix epoch.
        kept_in: name of the keychain that it was put into.
    """

    id: Identifier
    created_at: UnixSeconds
    kept_in: PlaceText = ""


class WrappedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A data key.

    Attributes:
        created_at: seconds since the Unix epoch.
        retired_at: when it stopped encrypting, in the same seconds; 0 for the one that encrypts now.
        wrapped: the key under each key-encryption key, by the id of that.
    """

    id: Identifier
    created_at: UnixSeconds
    retired_at: UnixSeconds = 0.0
    wrapped: Named[Word]


class Recovery(msgspec.Struct, frozen=True, kw_only=True):
    """What a recovery code opens.

    Attributes:
        id: of the key that the code stands for.
        created_at: seconds since the Unix epoch.
        salt: base64; together with the three numbers, the parameters of Argon2id.
        opens: each key-encryption key, wrapped under the key of the code, by its id.
        opened_by: the other way round, so that the code outlives a rotation.
    """

    id: Identifier
    created_at: UnixSeconds
    salt: Identifier
    iterations: Annotated[int, msgspec.Meta(ge=1, le=64)]
    lanes: Annotated[int, msgspec.Meta(ge=1, le=64)]
    memory_kib: Annotated[int, msgspec.Meta(ge=8, le=1024 * 1024)]
    opens: Named[Word]
    opened_by: Named[Word]


class KeyFile(msgspec.Struct, frozen=True, kw_only=True):
    """All keys of a home.

    Attributes:
        ring: id of all of them together; the accounts in the keychain begin with it.
        key_encryption_keys: the newest last; two while a rotation is under way.
        data_keys: oldest first; none is ever removed.
        revision: how often the file was written.
    """

    ring: Identifier
    key_encryption_keys: Annotated[list[KeyEncryptionKey], msgspec.Meta(min_length=1, max_length=1000)]
    data_keys: Annotated[list[WrappedKey], msgspec.Meta(min_length=1, max_length=10_000)]
    recovery: Recovery | None = None
    revision: Count = 0


@dataclass(frozen=True)
class UnusableKeyFile:
    """A file of keys that is there but cannot be used.

    Attributes:
        reason: for programs.
        detail: for people.
    """

    reason: LockReason
    detail: str


KeyFileFound = KeyFile | UnusableKeyFile | None


def read(path: Path) -> KeyFileFound:
    """What lies under the name of a file of keys; None if nothing does."""
    try:
        content = read_file(path, LIMITS.content_bytes)
        if content is None:
            return None
        stored = open_envelope(content, limits=LIMITS, name=FILE_NAME)
        if stored.schema != SCHEMA or stored.schema_version > SCHEMA_VERSION:
            found, expected = f"{stored.schema} {stored.schema_version}", f"{SCHEMA} {SCHEMA_VERSION}"
            return UnusableKeyFile("keys_too_new", f"{path}: it is {found}, expected {expected}")
        return msgspec.convert(stored.value, KeyFile)
    except FileUnreadable as error:
        reason: LockReason = "keys_damaged" if error.found in NEVER_A_FILE else "keys_unreadable"
        return UnusableKeyFile(reason, str(error))
    except EnvelopeTooNew as error:
        return UnusableKeyFile("keys_too_new", f"{path}: {error}")
    except (NotAnEnvelope, EnvelopeDamaged, msgspec.ValidationError) as error:
        return UnusableKeyFile("keys_damaged", f"{path}: {error}")


def write(directory: Path, file: KeyFile, now: float) -> None:
    """Replace both files, the copy first, so that the file is never newer than its copy.

    A file that cannot be used is put aside before, whatever is wrong with it.

    Args:
        directory: of the keys; made if it is missing.
        file: what to write.
        now: seconds since the Unix epoch.

    Raises:
        DurableWriteFailed: one of them could not be replaced.
        OSError: the directory cannot be made, or a file cannot be put aside.
    """
    claim_directory(directory)
    value: Any = msgspec.to_builtins(file)
    try:
        msgspec.convert(value, KeyFile)
        content = seal(
            value,
            schema=SCHEMA,
            schema_version=SCHEMA_VERSION,
            revision=file.revision,
            now=now,
            compress=False,
            key=None,
            name=FILE_NAME,
            limits=LIMITS,
        )
    except (msgspec.ValidationError, ValueNotStorable) as error:  # it could not be opened again
        raise DurableWriteFailed(str(directory / FILE_NAME), "write", errno.EINVAL, str(error)) from error
    for path in (directory / COPY_NAME, directory / FILE_NAME):
        if isinstance(read(path), UnusableKeyFile):
            quarantine(path)
        replace_file(path, content)


def has_quarantined(directory: Path) -> bool:
    """Whether a file of keys was put aside here. If so, documents may still need its keys."""
    names = (FILE_NAME + SUFFIX, COPY_NAME + SUFFIX)
    try:
        return any(name.startswith(names) for name in os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # as far as known
