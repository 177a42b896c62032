"""Lines are cut right however their bytes arrive, and none is longer than the limit."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.runtime.supervisor.processes.output.line_cutter import LINE_LIMIT_BYTES, LineCutter


@given(st.lists(st.text(st.characters(exclude_characters="\n\r", codec="utf-8"), max_size=30)), st.data())
def test_lines_survive_any_cut_of_the_stream(lines: list[str], data: st.DataObject) -> None:
    stream = "".join(f"{line}\n" for line in lines).encode()
    cutter, found = LineCutter(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += cutter.feed(stream[:size])
        stream = stream[size:]
    assert found == lines
    assert cutter.finish() == []


def test_an_endless_line_is_cut_and_nothing_of_it_is_lost() -> None:
    cutter = LineCutter()
    pieces = cutter.feed(b"x" * (2 * LINE_LIMIT_BYTES + 5)) + cutter.finish()
    assert [len(piece) for piece in pieces] == [LINE_LIMIT_BYTES, LINE_LIMIT_BYTES, 5]


def test_bytes_that_are_no_text_and_the_ends_of_lines_of_windows_are_shown() -> None:
    assert LineCutter().feed(b"caf\xe9\r\n") == ["caf\ufffd"]
