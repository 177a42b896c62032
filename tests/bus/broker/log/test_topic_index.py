"""Patterns find exactly the topics that they match."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bus.broker.log.topic_index import TopicIndex
from bus.wire import matches

TOPICS = st.lists(st.text("ab.", max_size=6), unique=True, max_size=30)
PATTERNS = st.lists(st.text("ab.*", max_size=5), max_size=8)


@given(TOPICS, PATTERNS, st.data())
def test_each_topic_that_a_pattern_matches_is_found_once(
    topics: list[str], patterns: list[str], data: st.DataObject
) -> None:
    index = TopicIndex()
    for topic in topics:
        index.add(topic)
    gone = data.draw(st.lists(st.sampled_from(topics), unique=True)) if topics else []
    for topic in [*gone, "never there"]:
        index.remove(topic)
    kept = set(topics) - set(gone)
    assert len(index) == len(kept)
    found = list(index.matching(patterns))
    assert len(found) == len(set(found))
    assert set(found) == {t for t in kept if any(matches(pattern, t) for pattern in patterns)}
