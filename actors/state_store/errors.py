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

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(key, problem)
        self.key = key
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.key[:80]!r} is no key: {self.problem}; name one such as 'layout.default'"


class AccessDenied(StateError):
    """The namespace of the key is not this peer's to touch.

    Attributes:
        peer: who asked, as the broker says.
        verb: `read` or `write`.
        allowed: who may.
    """

    def __init__(self, key: str, peer: str, verb: str, allowed: str) -> None:
        super().__init__(key, peer, verb, allowed)
        self.key = key
        self.peer = peer
        self.verb = verb
        self.allowed = allowed

    def __str__(self) -> str:
        return f"{self.key}: {self.peer!r} may not {self.verb} it, {self.allowed} may; [[namespaces]] in profile.toml says who"


class SaveFailed(StateError):
    """A value was not saved (or not deleted); what was there before is there still.

    Attributes:
        reason: why.
        is_locked: because a key is not to be had, which may pass.
    """

    def __init__(self, key: str, reason: str, is_locked: bool = False) -> None:
        super().__init__(key, reason, is_locked)
        self.key = key
        self.reason = reason
        self.is_locked = is_locked

    def __str__(self) -> str:
        return f"failed to save {self.key}: {self.reason}"


class LoadFailed(StateError):
    """A value is there and cannot be read; it stays where it is.

    Attributes:
        reason: why.
        is_locked: because a key is not to be had, which may pass.
    """

    def __init__(self, key: str, reason: str, is_locked: bool = False) -> None:
        super().__init__(key, reason, is_locked)
        self.key = key
        self.reason = reason
        self.is_locked = is_locked

    def __str__(self) -> str:
        return f"failed to load {self.key}: {self.reason}"


class ValidationFailed(StateError):
    """A value does not fit its schema.

    Attributes:
        schema: name of the schema.
        problem: where, what was found, what was expected.
    """

    def __init__(self, key: str, schema: str, problem: str) -> None:
        super().__init__(key, schema, problem)
        self.key = key
        self.schema = schema
        self.problem = problem

    def __str__(self) -> str:
        return f"validation failed for {self.key}: it does not fit {self.schema}: {self.problem}"


class RevisionConflict(StateError):
    """Somebody else wrote in between.

    Attributes:
        expected: the revision that the writer had seen.
        found: the revision that is there; 0 if there is none.
    """

    def __init__(self, key: str, expected: int, found: int) -> None:
        super().__init__(key, expected, found)
        self.key = key
        self.expected = expected
        self.found = found

    def __str__(self) -> str:
        return f"failed to save {self.key}: expected revision {self.expected}, found {self.found}; load it again and decide anew"


class QuotaExceeded(StateError):
    """There is no room for the value.

    Attributes:
        subject: whose quota: a namespace, or `total`.
        needed_bytes: what would be taken with it.
        quota_bytes: what may be taken.
    """

    def __init__(self, key: str, subject: str, needed_bytes: int, quota_bytes: int) -> None:
        super().__init__(key, subject, needed_bytes, quota_bytes)
        self.key = key
        self.subject = subject
        self.needed_bytes = needed_bytes
        self.quota_bytes = quota_bytes

    def __str__(self) -> str:
        words = "all state" if self.subject == "total" else f"namespace {self.subject!r}"
        taken = f"would take {self.needed_bytes} bytes of at most {self.quota_bytes}"
        return f"failed to save {self.key}: {words} {taken}; delete something, or raise the quota"


class UnknownType(StateError):
    """There is no such type of documents.

    Attributes:
        known: the types that the profile declares.
    """

    def __init__(self, key: str, known: list[str]) -> None:
        super().__init__(key, known)
        self.key = key
        self.known = known

    def __str__(self) -> str:
        return f"there is no document type {self.key[:80]!r}; the profile declares {', '.join(self.known) or 'none'}"


class StoreBroken(UndercroftError):
    """A change is durable in the journal and could not be brought to its place: only a new start can tell what is so.

    Attributes:
        path: the key whose file could not be replaced, or the directory of the store.
        reason: the operating system's words.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: cannot be replaced ({self.reason}), though the journal holds the change; it is applied at the next start"


class DeclarationRefused(OperatorError):
    """The profile declares something about state that cannot be.

    Attributes:
        option: where in the profile.
        problem: what was found and what was expected.
    """

    def __init__(self, option: str, problem: str) -> None:
        super().__init__(option, problem)
        self.option = option
        self.problem = problem

    def __str__(self) -> str:
        return f"profile: {self.option}: {self.problem}"
