"""Every line of `up --json` has a type, and the keys that it had before."""

from __future__ import annotations

import msgspec
import pytest

from schemas.operations.supervision import ActorStatus, LogLine, SupervisorStatusEvent
from schemas.operations.up_lines import UP_LINES, UpErrorLine, UpLine, UpLogLine, UpSettledLine, UpStateLine


def _names(struct: type[msgspec.Struct]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(struct)}


def test_types_are_distinct_and_a_line_decodes_by_its_type() -> None:
    tags = [line.__struct_config__.tag for line in UP_LINES if line is not UpErrorLine]
    assert len(set(tags)) == len(tags)
    assert None not in tags
    found = msgspec.json.decode(b'{"type":"stopping","stopping":"done","later":1}', type=UpLine)
    assert found.stopping == "done"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("line", "former"),
    [(UpStateLine, ActorStatus), (UpLogLine, LogLine), (UpSettledLine, SupervisorStatusEvent)],
)
def test_a_line_has_all_that_the_status_has(line: type[msgspec.Struct], former: type[msgspec.Struct]) -> None:
    assert _names(line) == _names(former)
