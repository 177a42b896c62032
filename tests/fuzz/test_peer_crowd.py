"""What the crowd learns from answers, to ask about things that exist."""

from __future__ import annotations

from tests.fuzz.peer_crowd import WORDS_LIMIT, SharedWords


def test_it_learns_ids_from_answers_wherever_they_stand() -> None:
    words = SharedWords({"ids": ["known"]})
    words.learn({"entries": [{"id": "a", "text": "no id"}, {"id": "b", "revision": 3}], "next_after": "c"})
    assert words.known["ids"] == ["known", "a", "b"]
    assert words.known["id"] == ["a", "b"]
    assert words.known["expected_revision"] == [3]
    assert words.known["next_after"] == ["c"]
    assert "text" not in words.known


def test_it_does_not_learn_what_the_witness_stored() -> None:
    words = SharedWords({})
    words.learn([{"key": "witness.k1"}, {"model_id": "witness-model"}, {"id": ""}, {"id": True}])
    assert words.known == {}


def test_it_forgets_some_of_what_it_learned() -> None:
    words = SharedWords({})
    words.learn({"a": [{"id": f"{number}"} for number in range(5)]})
    for number in range(500):
        words.learn({"id": f"id-{number}"})
    assert len(words.known["id"]) <= WORDS_LIMIT
    assert words.known["id"][-1] == "id-499"
