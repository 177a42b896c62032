"""An acceptance means one licence of one revision."""

from __future__ import annotations

import msgspec
import pytest

from actors.shared.manifest.licence import is_licence_due, licence_digest
from schemas.manifest import FilePromise, ModelEntry
from schemas.sources import LicenceAcceptance

PROMISE = FilePromise(path="a.bin", size_bytes=1, sha256="0" * 64, urls=["https://models.example/a.bin"])
GATED = ModelEntry(
    id="a",
    name="A",
    category="llm",
    licence="Community",
    licence_url="https://l.example",
    revision="1",
    accept_licence=True,
    files=[PROMISE],
)


def acceptance(entry: ModelEntry, model_id: str = "a") -> LicenceAcceptance:
    return LicenceAcceptance(
        model_id=model_id,
        licence=entry.licence,
        revision=entry.revision,
        digest=licence_digest(entry),
        accepted_at=1.0,
        accepted_by="me",
    )


def test_a_licence_is_due_until_it_is_accepted() -> None:
    assert is_licence_due(GATED, [])
    assert not is_licence_due(GATED, [acceptance(GATED)])


@pytest.mark.parametrize(
    "change", [{"licence": "Other"}, {"licence_url": "https://other.example"}, {"revision": "2"}], ids=str
)
def test_another_licence_or_revision_is_due_again(change: dict[str, str]) -> None:
    assert is_licence_due(msgspec.structs.replace(GATED, **change), [acceptance(GATED)])


def test_the_acceptance_of_one_model_is_not_that_of_another() -> None:
    assert is_licence_due(GATED, [acceptance(GATED, "b")])


def test_most_licences_need_no_word() -> None:
    assert not is_licence_due(msgspec.structs.replace(GATED, accept_licence=False), [])


def test_parts_of_a_licence_cannot_be_shifted_into_each_other() -> None:
    one = msgspec.structs.replace(GATED, licence="a", licence_url="bc")
    assert licence_digest(one) != licence_digest(
        msgspec.structs.replace(GATED, licence="ab", licence_url="c")
    )
