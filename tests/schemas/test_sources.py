"""The sources conversation: what is retained, and what a request may hold."""

from __future__ import annotations

import msgspec
import pytest

from schemas import sources
from schemas.event import retained_key_of


@pytest.mark.requirement("S1-34")
def test_the_whole_catalogue_is_retained_so_that_nobody_has_to_ask_for_it() -> None:
    event = sources.ModelCatalogueChangedEvent(models=[], accepted=[], revision=1, reason="start")
    assert retained_key_of(event) == ""


@pytest.mark.parametrize(
    "change",
    [{"name": ""}, {"name": "x" * 2001}, {"sha256": "0" * 65}, {"size_bytes": -1}, {"model_id": "x" * 101}],
    ids=str,
)
def test_a_request_that_no_name_could_need_is_refused_before_it_is_read(change: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"type": "models.add", "name": "hf:a/b", **change}, sources.ModelAddRequestEvent)


def test_adding_takes_what_resolving_takes() -> None:
    assert (
        sources.ModelAddRequestEvent.__struct_fields__
        == sources.ModelNameResolveRequestEvent.__struct_fields__
    )
