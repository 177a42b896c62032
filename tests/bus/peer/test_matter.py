"""A message belongs to the matter that it is given, or to the one at hand."""

from __future__ import annotations

from bus.peer.matter import correlation, matter_of


def test_the_matter_at_hand_is_carried_on_unless_another_one_is_given() -> None:
    assert matter_of(None) is None
    token = correlation.set("at-hand")
    assert (matter_of(None), matter_of("given"), matter_of("")) == ("at-hand", "given", "at-hand")
    correlation.reset(token)
