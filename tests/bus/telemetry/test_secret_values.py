"""Values are found from their names in every notation, and read to their end, not beyond."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.telemetry.secret_values import argument_values, named_values


def found(text: str) -> list[str]:
    return [text[span.start : span.end] for span in named_values(text)]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("error: password=x1y2z3", ["x1y2z3"]),
        ("a token=t1 b, secret=s1;", ["t1", "s1;"]),
        ('{"api_key": "a \\" b", "n": 1}', ['a \\" b']),
        ('{"body": "{\\"token\\": \\"t1\\", \\"n\\": 1}"}', ["t1"]),
        ("Authorization: Bearer abc.def\nHost: x", ["abc.def"]),
        ("-H 'Cookie: a=1; b=2' -o x", ["a=1; b=2"]),
        ("passphrase: correct horse battery\nnext: 1", ["correct horse battery"]),
        ("GET /x?token=a;b&n=1", ["a;b"]),
        ("Server=x;Password=p;Database=y", ["p"]),
        ('"tokens": ["a", "b]"], "n": 1', ['["a", "b]"]']),
        ("<password>a b</password>", ["a b"]),
        ("private_key: |\n  abc\n  def\nnext: 1", ["|\n  abc\n  def\n"]),
        ("run --token t1 --fast", ["t1"]),
    ],
)
def test_a_value_is_read_to_its_end(text: str, values: list[str]) -> None:
    assert found(text) == values


@pytest.mark.parametrize(
    "text",
    [
        "password is required",
        "token expired",
        "password=$DB_PASSWORD",
        "token=null",
        "tokens: 512",
        "secret=<secret:0a1b2c3d>",
        "--token --fast",
        "password: ****",
        "authorship=shared",
        "auth(x)",
    ],
)
def test_what_is_no_value_stays(text: str) -> None:
    assert found(text) == []


def test_passwords_of_programs_without_telling_names_are_found() -> None:
    texts = ["curl -u me:pw1 x", "mysql -uroot -ppw2 db", "sshpass -p pw3 ssh", "redis-cli -a pw4 ping"]
    assert [text[span.start : span.end] for text in texts for span in argument_values(text)] == [
        "pw1",
        "pw2",
        "pw3",
        "pw4",
    ]


@given(st.text(alphabet="password=:\"'\\ {}[]()<>|,;&token\n\x00-", max_size=400))
def test_spans_are_in_order_and_within_the_text(text: str) -> None:
    end = 0
    for span in named_values(text):
        assert end <= span.start < span.end <= len(text)
        end = span.end
