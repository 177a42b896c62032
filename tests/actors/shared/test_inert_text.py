"""Nothing that was dictated is carried out by the program that shows it, and nothing of it is lost."""

from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actors.shared.inert_text import FORMULA_SIGNS, inert_cell, inert_markdown

SIGNS = st.text(alphabet="=+-@\t\r\n＝＋－＠',;|:\"a1 ", max_size=30)


def read_cell(cell: str) -> str:
    """As docs/history.md says."""
    return re.sub(r"(?<!')'('*)(?=[=+@\t\r＝＋－＠-])", r"\1", cell)


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t'=1"),
        ("\r=1", "'\r'=1"),
        ("＝1", "'＝1"),
        ('a;=cmd|"/c calc"!A1', 'a;\'=cmd|"/c calc"!A1'),
        ("a,=1", "a,'=1"),
        ('a"=1', "a\"'=1"),
        ("a'=1", "a''=1"),
        ("'=1", "''=1"),
        ("one\n=1", "one\n'=1"),
        ("1 + 1 = 2, well-known", "1 + 1 = 2, well-known"),
        ("it's", "it's"),
        ("", ""),
    ],
)
def test_a_sign_at_which_a_formula_could_begin_has_an_apostrophe(text: str, cell: str) -> None:
    assert inert_cell(text) == cell
    assert read_cell(cell) == text


@given(SIGNS | st.text(max_size=40))
@example("''=''=")
@example("\t\t''\r=")
def test_every_text_comes_back_from_its_cell(text: str) -> None:
    assert read_cell(inert_cell(text)) == text


@given(SIGNS, st.sampled_from([",", ";", "\t", "|"]), st.booleans())
def test_no_reader_finds_a_cell_that_begins_with_a_formula(text: str, separator: str, quotes: bool) -> None:
    """Whatever separator it was told to expect, and whether it knows quotes or not."""
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerow([inert_cell(text), inert_cell(text)])
    lines = csv.reader(
        io.StringIO(out.getvalue(), newline=""),
        delimiter=separator,
        quoting=csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE,
    )
    dangerous = tuple(set(FORMULA_SIGNS) - {"\r", "\t"})
    for cells in lines:
        assert not [cell for cell in cells if cell.lstrip('"').startswith(dangerous)], cells


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<script>alert(1)</script>", r"\<script>alert(1)\</script>"),
        ("![x](https://x/track.png)", r"!\[x\](https://x/track.png)"),
        ("[x](javascript:alert(1))", r"\[x\](javascript:alert(1))"),
        ("&lt;b&gt;", r"\&lt;b\&gt;"),
        ("`<b>` \\<b>", r"\`\<b>\` \\\<b>"),
        ("it's * fine - really", "it's * fine - really"),
    ],
)
def test_nothing_in_markdown_is_html_a_link_or_a_picture(text: str, shown: str) -> None:
    assert inert_markdown(text) == shown
