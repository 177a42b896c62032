"""A wrong field says what it expects and what was found, and shows no pattern."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.shared.profile.field_words import field_of, steps_of, value_at_option, with_readable_pattern
from actors.shared.profile.profile import ProfileError, read_profile

CONTENT = {"modes": [{"name": "No"}], "wording": {"en": {"toast": "x"}}}


def test_a_path_leads_to_its_value() -> None:
    assert steps_of("modes[0].name") == ["modes", 0, "name"]
    assert value_at_option(CONTENT, "modes[0].name") == "No"
    assert value_at_option(CONTENT, "wording.en.toast") == "x"
    assert value_at_option(CONTENT, "modes[7].name") is None
    assert field_of("topics.namespaces[2].peers[0]") == "topics.namespaces.peers"


def test_other_words_stay() -> None:
    assert with_readable_pattern("expected 'str', found 'int'", "modes[0].name", CONTENT) == (
        "expected 'str', found 'int'"
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('documents = "documents.txt"', "'documents.py:DOCUMENTS', found 'documents.txt'"),
        ('settings = "settings.py"', "'settings.py:Settings', found 'settings.py'"),
        ('[[modes]]\nname = "No"', "such as 'dictation', found 'No'"),
        ('[[children]]\nname = "a"\nrestart = "never"', "or 'temporary', found 'never'"),
    ],
)
def test_the_reader_says_so(line: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "profile.toml").write_text(f'name = "probe"\n{line}\n')
    with pytest.raises(ProfileError, match=words) as refused:
        read_profile(tmp_path)
    assert "regex" not in str(refused.value)
