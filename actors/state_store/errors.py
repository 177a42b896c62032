"""Errors about single keys and about the store. Each names its key, and none holds anything of a value."""

from __future__ import annotations

from bus.errors import OperatorError, UndercroftError


class StateError(UndercroftError):
    """Root of the errors about one key.

    Attributes:
        key: which one.
    """

    key: str


class KeyRefused(StateError):
    """The text cannot be a key.

    Attributes:
        problem: what was found and what was expected.
    """

    key: str
    problem: str

    def __str__(self) -> str:
        return f"{self.key[:80]!r} is not a key: {self.problem}; use one such as 'layout.default'"


class AccessDenied(StateError):
    """The namespace of the key does not allow this peer.

    Attributes:
        peer: who asked, as the broker says.
        verb: `read` or `write`.
        allowed: who may.
    """

    key: str
    peer: str
    verb: str
    allowed: str
    words = "{key}: {peer!r} may not {verb} it, {allowed} may; see [[namespaces]] in profile.toml"


class SaveFailed(StateError):
    """A value was neither saved nor deleted; the earlier value is untouched.

    Attributes:
        reason: why.
        is_locked: True if no key to encrypt with is available, which may pass.
    """

    key: str
    reason: str
    is_locked: bool = False
    words = "failed to save {key}: {reason}"


class LoadFailed(StateError):
    """A value exists but cannot be read; it stays where it is.

    Attributes:
        reason: why.
        is_locked: True if no key to decrypt with is available, which may pass.
    """

    key: str
    reason: str
    is_locked: bool = False
    words = "failed to load {key}: {reason}"


class ValidationFailed(StateError):
    """A value does not fit its schema.

    Attributes:
        schema: name of the schema.
        problem: where, what was found, what was expected.
    """

    key: str
    schema: str
    problem: str
    words = "validation failed for {key}: it does not fit {schema}: {problem}"


class RevisionConflict(StateError):
    """Another writer was quicker.

    Attributes:
        expected: the revision that this writer had seen.
        found: the present revision; 0 if the key does not exist.
    """

    key: str
    expected: int
    found: int
    words = "failed to save {key}: expected revision {expected}, found {found}; load it again, then retry"


class QuotaExceeded(StateError):
    """The quota leaves no space for the value.

    Attributes:
        subject: whose quota: a namespace, or `total`.
        needed_bytes: what would be taken with the value.
        quota_bytes: the limit.
    """

    key: str
    subject: str
    needed_bytes: int
    quota_bytes: int

    def __str__(self) -> str:
        words = "all state" if self.subject == "total" else f"namespace {self.subject!r}"
        taken = f"would take {self.needed_bytes} bytes of at most {self.quota_bytes}"
        return f"failed to save {self.key}: {words} {taken}; delete something, or raise the quota"


class UnknownType(StateError):
    """The profile declares no such type of document.

    Attributes:
        known: the types that it declares.
    """

    key: str
    known: list[str]

    def __str__(self) -> str:
        known = ", ".join(self.known) or "none"
        return f"there is no document type {self.key[:80]!r}; the profile declares {known}"


class StoreBroken(UndercroftError):
    """A durable change did not reach its file, so memory and disk may differ. Only a restart settles this.

    Attributes:
        path: the key whose file could not be replaced, or the directory of the store.
        reason: the operating system's words.
    """

    path: str
    reason: str
    words = (
        "{path}: cannot be replaced ({reason}), although the change is in the journal; "
        "the next start applies it"
    )


class DeclarationRefused(OperatorError):
    """The profile declares something about state that is not valid.

    Attributes:
        option: where in the profile.
        problem: what was found and what was expected.
    """

    option: str
    problem: str
    words = "profile: {option}: {problem}"
