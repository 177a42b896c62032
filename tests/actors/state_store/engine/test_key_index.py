"""Listing by prefix in pages does what sorting and filtering would do."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.state_store.engine.key_index import KeyEntry, KeyIndex

KEYS = st.text("ab.\u00e9\U0001f600", min_size=1, max_size=4).map(lambda rest: f"n.{rest}") | st.sampled_from(
    ["m.a", "nn.a", "o.b"]
)


@given(
    st.lists(st.tuples(KEYS, st.integers(0, 9) | st.none())),
    st.sampled_from(["", "n", "n.", "n.a", "n.é", "m.", "x"]),
    st.text("nmo.ab", max_size=4),
    st.integers(1, 5),
)
def test_pages_are_those_of_a_sorted_list(
    script: list[tuple[str, int | None]], prefix: str, after: str, limit: int
) -> None:
    index, model = KeyIndex(), dict[str, int]()
    index.page("", "", 1, ["n"])  # from here on the order is kept up
    for key, size in script:
        if size is None:
            index.drop(key)
            model.pop(key, None)
        else:
            index.put(key, KeyEntry(size))
            model[key] = size
    names = ["m", "n"]
    expected = sorted(
        (key, size)
        for key, size in model.items()
        if key.startswith(prefix) and key.partition(".")[0] in names
    )
    later = [item for item in expected if item[0] > after]
    assert index.page(prefix, after, limit, names) == (later[:limit], len(expected), len(later) > limit)
    assert len(index) == len(model)
    assert index.size_bytes == sum(model.values())
    assert index.totals("n").size_bytes == sum(size for key, size in model.items() if key.startswith("n."))
    assert index.totals("n").keys == sum(key.startswith("n.") for key in model)


def test_what_is_known_of_a_key_is_kept_until_it_goes() -> None:
    index = KeyIndex([("n.a", KeyEntry(5))])
    assert "n.a" in index
    index.put("n.a", KeyEntry(7, revision=3))
    found = index.get("n.a")
    assert found is not None
    assert (found.size_bytes, found.revision, index.size_bytes) == (7, 3, 7)
    index.drop("n.a")
    index.drop("n.a")
    assert (index.get("n.a"), len(index), index.size_bytes) == (None, 0, 0)
