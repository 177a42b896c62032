"""One file that holds a backup and opens on any machine with its passphrase alone.

    UNDERCROFT-EXPORT {"format":1,"salt":...,"check":...}   one line: the parameters of the key
    length, sealed chunk; length, sealed chunk; ...         each at most a mebibyte

A passphrase becomes a key by Argon2id (RFC 9106). The chunks are encrypted like documents (cipher.py). Their
associated data hold their number and whether they are the last, so none can be left out, repeated or moved.
The decrypted chunks together are MessagePack: one record for each document.
"""

from __future__ import annotations

import base64
import hashlib
import os
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import msgspec

from actors.shared.crypto import cipher
from actors.shared.crypto.cipher import WrongKey
from actors.shared.durable.record_file import UNREADABLE_JSON
from actors.shared.keys.recovery_code import ITERATIONS, LANES, MEMORY_KIB, SALT_BYTES, derive
from actors.state_store.backups.errors import ExportDamaged, PassphraseTooShort, PassphraseWrong
from schemas.bounds import Count, Identifier, UnixSeconds, Word

MAGIC: Final = b"UNDERCROFT-EXPORT "
FORMAT: Final = 1
CHUNK_BYTES: Final = 1024 * 1024
HEADER_LIMIT_BYTES: Final = 4096
RECORD_LIMIT_BYTES: Final = 256 * 1024 * 1024
PASSPHRASE_LEAST_LENGTH: Final = 10
PASSPHRASE_LIMIT: Final = 1024
_LENGTH: Final = struct.Struct("<I")


class ExportHeader(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first line.

    Attributes:
        salt: base64; together with the next three numbers the parameters of Argon2id.
        created_at: of the backup, seconds since the Unix epoch.
        check: base64 of an empty text, encrypted under the key: only the right passphrase opens it.
        digest: SHA-256 over the line without this field; shows damage before a passphrase is tried.
    """

    format: Count
    backup: Identifier
    name: Word
    created_at: UnixSeconds
    salt: Identifier
    iterations: Annotated[int, msgspec.Meta(ge=1, le=64)] = ITERATIONS
    lanes: Annotated[int, msgspec.Meta(ge=1, le=64)] = LANES
    memory_kib: Annotated[int, msgspec.Meta(ge=8, le=1024 * 1024)] = MEMORY_KIB
    check: Identifier = ""
    digest: Identifier = ""


class ExportRecord(msgspec.Struct, frozen=True, array_like=True):
    """One document.

    Attributes:
        key: empty for an extra file.
        content: its envelope, not encrypted.
        was_encrypted: an import encrypts it again.
    """

    key: Word
    path: Word
    content: Annotated[bytes, msgspec.Meta(max_length=RECORD_LIMIT_BYTES)]
    was_encrypted: bool


def check_passphrase(passphrase: str) -> None:
    """Check that a passphrase is good enough for an export.

    Raises:
        PassphraseTooShort: somebody with the file could guess it.
    """
    if not PASSPHRASE_LEAST_LENGTH <= len(passphrase) <= PASSPHRASE_LIMIT:
        raise PassphraseTooShort(len(passphrase), PASSPHRASE_LEAST_LENGTH)


def write_export(
    file: BinaryIO,
    passphrase: str,
    backup: str,
    name: str,
    created_at: float,
    records: Iterable[ExportRecord],
    memory_kib: int = MEMORY_KIB,
) -> int:
    """Write an export; returns the number of records.

    Args:
        file: takes the bytes.
        passphrase: opens the export.
        backup: id of the backup.
        name: name of the backup.
        created_at: when the backup was made, seconds since the Unix epoch.
        records: its documents.
        memory_kib: memory that each try of a passphrase needs.

    Raises:
        PassphraseTooShort: nothing was written.
        OSError: it cannot be written.
    """
    check_passphrase(passphrase)
    salt = base64.b64encode(os.urandom(SALT_BYTES)).decode()
    header = ExportHeader(
        format=FORMAT, backup=backup, name=name, created_at=created_at, salt=salt, memory_kib=memory_kib
    )
    secret = _secret(header, passphrase)
    header = msgspec.structs.replace(
        header, check=base64.b64encode(cipher.encrypt(secret, b"", _bound(header))).decode()
    )
    header = msgspec.structs.replace(header, digest=_digest(header))
    file.write(MAGIC + msgspec.json.encode(header) + b"\n")
    buffer, number, count = bytearray(), 0, 0
    for record in records:
        packed = msgspec.msgpack.encode(record)
        buffer += _LENGTH.pack(len(packed)) + packed
        count += 1
        while len(buffer) > CHUNK_BYTES:
            _write_chunk(file, secret, header, number, bytes(buffer[:CHUNK_BYTES]), is_last=False)
            del buffer[:CHUNK_BYTES]
            number += 1
    _write_chunk(file, secret, header, number, bytes(buffer), is_last=True)
    return count


def read_header(file: BinaryIO, path: Path) -> ExportHeader:
    """Read the first line of an export; needs no passphrase.

    Raises:
        ExportDamaged: it is not an export, was changed, or comes from a later version.
    """
    line = file.readline(HEADER_LIMIT_BYTES)
    if not line.startswith(MAGIC) or not line.endswith(b"\n"):
        problem = f"it is not an export, expected it to begin with {MAGIC.decode().strip()}"
        raise ExportDamaged(str(path), problem)
    try:
        header = msgspec.json.decode(line[len(MAGIC) :], type=ExportHeader)
    except UNREADABLE_JSON as error:
        raise ExportDamaged(str(path), f"its first line cannot be read: {error}") from error
    if header.format > FORMAT:
        found = f"format {header.format}, expected at most {FORMAT}"
        raise ExportDamaged(str(path), f"a later version wrote it ({found}); update Undercroft")
    if _digest(header) != header.digest:
        raise ExportDamaged(str(path), "its first line is damaged: the digest does not match")
    return header


def read_records(file: BinaryIO, path: Path, header: ExportHeader, passphrase: str) -> Iterator[ExportRecord]:
    """Read the records behind the first line.

    Raises:
        PassphraseWrong: before the first record.
        ExportDamaged: something is not as it was written; the records before it are good.
    """
    try:
        secret = _secret(header, passphrase)
        cipher.decrypt(secret, base64.b64decode(header.check, validate=True), _bound(header))
    except WrongKey as error:
        raise PassphraseWrong(str(path)) from error
    except ValueError as error:
        raise ExportDamaged(str(path), f"its first line is damaged: {error}") from error
    buffer = bytearray()
    for chunk in _chunks(file, path, header, secret):
        buffer += chunk
        while len(buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(buffer)
            if length > RECORD_LIMIT_BYTES:
                problem = f"a record has {length} bytes, expected at most {RECORD_LIMIT_BYTES}"
                raise ExportDamaged(str(path), problem)
            if len(buffer) < _LENGTH.size + length:
                break
            try:
                record = msgspec.msgpack.decode(
                    bytes(buffer[_LENGTH.size : _LENGTH.size + length]), type=ExportRecord
                )
            except UNREADABLE_JSON as error:
                raise ExportDamaged(str(path), f"a record cannot be read: {error}") from error
            del buffer[: _LENGTH.size + length]
            yield record
    if buffer:
        raise ExportDamaged(str(path), "it ends within a record")


def _chunks(file: BinaryIO, path: Path, header: ExportHeader, secret: bytes) -> Iterator[bytes]:
    number, is_last = 0, False
    while not is_last:
        head = file.read(_LENGTH.size)
        if len(head) < _LENGTH.size:
            raise ExportDamaged(str(path), f"it ends before its last part: part {number} is missing")
        (length,) = _LENGTH.unpack(head)
        if length > CHUNK_BYTES + cipher.NONCE_BYTES + cipher.TAG_BYTES:
            raise ExportDamaged(str(path), f"part {number} is damaged: it says it has {length} bytes")
        sealed = file.read(length)
        if len(sealed) < length:
            problem = f"part {number} is cut short: it has {len(sealed)} bytes, expected {length}"
            raise ExportDamaged(str(path), problem)
        for is_last in (False, True):
            try:
                yield cipher.decrypt(secret, sealed, _bound(header, number, is_last))
                break
            except WrongKey:
                continue
        else:
            raise ExportDamaged(str(path), f"part {number} is damaged or misplaced")
        number += 1
    if file.read(1):
        raise ExportDamaged(str(path), "something follows its last part")


def _write_chunk(
    file: BinaryIO, secret: bytes, header: ExportHeader, number: int, plain: bytes, *, is_last: bool
) -> None:
    sealed = cipher.encrypt(secret, plain, _bound(header, number, is_last))
    file.write(_LENGTH.pack(len(sealed)) + sealed)


def _bound(header: ExportHeader, number: int = -1, is_last: bool = False) -> bytes:
    """Associated data: the header without the fields that depend on the key, and which part it is."""
    return msgspec.json.encode([msgspec.structs.replace(header, check="", digest=""), number, is_last])


def _digest(header: ExportHeader) -> str:
    return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(header, digest=""))).hexdigest()


def _secret(header: ExportHeader, passphrase: str) -> bytes:
    salt = base64.b64decode(header.salt, validate=True)
    return derive(
        passphrase.encode(), "export", salt, header.iterations, header.lanes, header.memory_kib
    ).secret
