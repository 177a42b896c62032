"""A mistake says where it is and what to change, to a person and to a program."""

from __future__ import annotations

import pickle

from actors.cli.exit_codes import ExitCode, exit_code_of
from actors.cli.profile_check.mistake import Mistake, ProfileMistaken, as_document, at, once

FIRST = at("p.toml", "children.greeter.entry", "there is no module 'greeter'", "write it")
SECOND = at("models.json", "", "it is no JSON", "correct it")


def test_the_sentence_has_file_place_problem_and_cure() -> None:
    assert str(FIRST) == "p.toml: children.greeter.entry: there is no module 'greeter'; write it"
    assert str(SECOND) == "models.json: it is no JSON; correct it"


def test_the_place_is_a_table_and_a_field() -> None:
    assert (FIRST.table, FIRST.field) == ("children.greeter", "entry")
    assert as_document(FIRST)["place"] == "children.greeter.entry"
    assert at("p.toml", "settings", "wrong", "mend it").table == ""


def test_a_mistake_is_told_once() -> None:
    assert once([FIRST, SECOND, FIRST]) == [FIRST, SECOND]


def test_the_refusal_has_all_of_them_and_asks_for_a_person() -> None:
    refusal = ProfileMistaken([FIRST, SECOND])
    assert str(ProfileMistaken([FIRST])) == str(FIRST)
    assert [str(one) in str(refusal) for one in (FIRST, SECOND)] == [True, True]
    assert exit_code_of(refusal) == ExitCode.REFUSED
    assert refusal.details() == {"mistakes": [as_document(FIRST), as_document(SECOND)]}
    assert pickle.loads(pickle.dumps(refusal)).mistakes == [FIRST, SECOND]


def test_a_mistake_blocks_unless_it_says_otherwise() -> None:
    assert Mistake(file="f", problem="p", cure="c").blocks
