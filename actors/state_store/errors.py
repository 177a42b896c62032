"""What can go wrong with state. Each error names its key, and holds nothing of its value."""

from __future__ import annotations

from bus.errors import OperatorError, UndercroftError


class StateError(UndercroftError):
    """Root of the errors about one key.

    Attributes:
        key: which one.
    """

    key: str


class KeyRefused(StateError):
    """What was given as a key cannot be one.

    Attributes:
        problem: what was found and what was expected.
    """

    key: str
    problem: str

    def __str__(self) -> str:
        return f"{self.key[:80]!r} is no key: {self.problem}; name one such as 'layout.default'"


class AccessDenied(StateError):
    """The namespace of the key is not this peer's to touch.

    Attributes:
        peer: who asked, as the broker says.
        verb: `read` or `write`.
        allowed: who may.
    """

    key: str
    peer: str
    verb: str
    allowed: str
    words = "{key}: {peer!r} may not {verb} it, {allowed} may; [[namespaces]] in profile.toml says who"


class SaveFailed(StateError):
    """A value was not saved (or not deleted); what was there before is there still.

    Attributes:
        reason: why.
        is_locked: because a key is not to be had, which may pass.
    """

    key: str
    reason: str
    is_locked: bool = False
    words = "failed to save {key}: {reason}"


class LoadFailed(StateError):
    """A value is there and cannot be read; it stays where it is.

    Attributes:
        reason: why.
        is_locked: because a key is not to be had, which may pass.
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
    """Somebody else wrote in between.

    Attributes:
        expected: the revision that the writer had seen.
        found: the revision that is there; 0 if there is none.
    """

    key: str
    expected: int
    found: int
    words = "failed to save {key}: expected revision {expected}, found {found}; load it again and decide anew"


class QuotaExceeded(StateError):
    """There is no room for the value.

    Attributes:
        subject: whose quota: a namespace, or `total`.
        needed_bytes: what would be taken with it.
        quota_bytes: what may be taken.
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
    """There is no such type of documents.

    Attributes:
        known: the types that the profile declares.
    """

    key: str
    known: list[str]

    def __str__(self) -> str:
        return f"there is no document type {self.key[:80]!r}; the profile declares {', '.join(self.known) or 'none'}"


class StoreBroken(UndercroftError):
    """A change is durable in the journal and could not be brought to its place: only a new start can tell what is so.

    Attributes:
        path: the key whose file could not be replaced, or the directory of the store.
        reason: the operating system's words.
    """

    path: str
    reason: str
    words = (
        "{path}: cannot be replaced ({reason}), though the journal holds the change; it is "
        "applied at the next start"
    )


class DeclarationRefused(OperatorError):
    """The profile declares something about state that cannot be.

    Attributes:
        option: where in the profile.
        problem: what was found and what was expected.
    """

    option: str
    problem: str
    words = "profile: {option}: {problem}"
