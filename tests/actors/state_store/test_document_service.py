"""Requests about typed documents: whole, cached, and refused with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.documents import (
    DocumentCacheRequestEvent,
    DocumentChangedEvent,
    DocumentReadRequestEvent,
    DocumentTypesRequestEvent,
    DocumentWriteRequestEvent,
)
from tests.support.state_lab import refusal, running_without_copies

pytestmark = pytest.mark.anyio


@pytest.mark.requirement("S2-2", "S2-7", "S2-8", "S2-18")
async def test_documents_are_read_written_announced_and_cached(tmp_path: Path) -> None:
    async with running_without_copies(tmp_path) as lab, lab.app.subscribe(DocumentChangedEvent) as events:
        first = await lab.app.request(DocumentReadRequestEvent(type_name="Marks"))
        assert (first.value, first.revision) == ({"labels": []}, 0)
        written = await lab.app.request(
            DocumentWriteRequestEvent(type_name="Marks", value={"labels": ["a"]}, expected_revision=0)
        )
        assert await anext(events) == DocumentChangedEvent(
            type_name="Marks", revision=written.revision, source="app"
        )
        second = await lab.app.request(DocumentReadRequestEvent(type_name="Marks"))
        assert (second.value, second.revision) == ({"labels": ["a"]}, written.revision)
        cache = await lab.app.request(DocumentCacheRequestEvent())
        assert (cache.ttl_seconds, [(one.type_name, one.hits, one.misses) for one in cache.types]) == (
            300.0,
            [("Marks", 1, 1)],
        )
        cleared = await lab.app.request(DocumentCacheRequestEvent(clear=True, type_name="Marks"))
        assert not cleared.types[0].is_fresh
        (kind,) = (await lab.app.request(DocumentTypesRequestEvent())).types
        assert (kind.type_name, kind.version, kind.schema["title"]) == ("Marks", 1, "Marks")


async def test_a_document_of_an_unknown_type_or_that_does_not_fit_or_is_stale_is_refused(
    tmp_path: Path,
) -> None:
    async with running_without_copies(tmp_path) as lab:
        assert "there is no document type 'Nope'" in await refusal(
            lab.app.request(DocumentReadRequestEvent(type_name="Nope"))
        )
        assert "there is no document type '../x'" in await refusal(
            lab.app.request(DocumentWriteRequestEvent(type_name="../x", value={}))
        )
        assert "there is no document type" in await refusal(
            lab.app.request(DocumentCacheRequestEvent(clear=True, type_name="Nope"))
        )
        message = await refusal(
            lab.app.request(DocumentWriteRequestEvent(type_name="Marks", value={"labels": "a"}))
        )
        assert "validation failed for document.Marks: it does not fit Marks: labels" in message
        await lab.app.request(DocumentWriteRequestEvent(type_name="Marks", value={}))
        assert "expected revision 0, found" in await refusal(
            lab.app.request(DocumentWriteRequestEvent(type_name="Marks", value={}, expected_revision=0))
        )
        assert "by their type" in await refusal(lab.save("document.Marks", {}))
