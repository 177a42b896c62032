"""Partials are found with size, age and hosts, and go by a rule only. Links are not followed."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from actors.model_downloader.installs.partials import DAY_SECONDS, collectable, find_partials, place_of
from actors.model_downloader.staging.models_layout import ModelsLayout
from schemas.manifest import FilePromise, ModelEntry
from schemas.models import PartialFound

FILE = FilePromise(path="f", size_bytes=10_000, sha256="0" * 64, urls=["https://hub.example/f?token=secret"])


def entry(model_id: str) -> ModelEntry:
    return ModelEntry(id=model_id, name="M", category="stt", licence="MIT", files=[FILE])


def test_partials_and_damaged_models_are_listed_with_what_is_known(tmp_path: Path) -> None:
    root = ModelsLayout(tmp_path)
    book = root.open_staging(entry("known"))
    (root.staging("known").path / "f").write_bytes(b"x" * 5000)
    book.change_file("f", url=FILE.urls[0], durable_bytes=5000)
    book.change(wanted=False)
    book.save()
    root.open_staging(entry("gone")).save()
    (tmp_path / "hurt.damaged").mkdir()
    (tmp_path / "hurt.damaged" / "f").write_bytes(b"x" * 8192)
    (tmp_path / "link.partial").symlink_to(tmp_path / "hurt.damaged")
    (tmp_path / "installed").mkdir()
    for path in (root.staging("known").path, root.staging("known").path / "journal.json"):
        os.utime(path, (1000, 1000))
    found = {one.model_id: one for one in find_partials(root.path, {"known": entry("known")}, now=4600.0)}
    assert sorted(found) == ["gone", "hurt", "known"]
    known = found["known"]
    assert (known.kind, known.durable_bytes, known.promised_bytes, known.age_seconds, known.is_wanted) == (
        "partial",
        5000,
        10_000,
        3600.0,
        False,
    )
    assert known.url_hosts == ["hub.example"], "a URL may hold a secret"
    assert (found["gone"].promised_bytes, found["gone"].is_wanted) == (10_000, True)
    assert (found["hurt"].kind, found["hurt"].state, found["hurt"].size_bytes) == ("damaged", "damaged", 8192)
    assert place_of(root, found["hurt"]).path == tmp_path / "hurt.damaged"
    assert place_of(root, known).path == tmp_path / "known.partial"


def test_paused_install_shows_as_such_and_is_wanted(tmp_path: Path) -> None:
    root = ModelsLayout(tmp_path)
    book = root.open_staging(entry("m"))
    book.change(paused=True)
    book.save()
    found = find_partials(root.path, {}, now=0.0)
    assert [(one.state, one.is_wanted, one.age_seconds) for one in found] == [("paused", True, 0.0)]


def test_hole_in_a_file_takes_no_space(tmp_path: Path) -> None:
    root = ModelsLayout(tmp_path)
    root.open_staging(entry("m"))
    with (root.staging("m").path / "f").open("wb") as file:
        file.truncate(1 << 30)
    assert find_partials(root.path, {}, now=0.0)[0].size_bytes < (1 << 20)


def test_directory_that_is_missing_has_no_partials(tmp_path: Path) -> None:
    assert find_partials(tmp_path / "absent", {}, now=0.0) == []


def left(days: float, *, wanted: bool = False) -> PartialFound:
    return PartialFound(
        model_id="m",
        kind="partial",
        state="partial",
        size_bytes=1,
        durable_bytes=1,
        promised_bytes=2,
        age_seconds=days * DAY_SECONDS,
        is_wanted=wanted,
    )


@given(st.lists(st.tuples(st.floats(0, 1e5), st.booleans())))
def test_rule_of_no_days_keeps_everything_for_ever(found: list[tuple[float, bool]]) -> None:
    assert collectable([left(days, wanted=wanted) for days, wanted in found], 0) == []


def test_only_what_is_older_than_the_rule_and_wanted_by_nobody_goes() -> None:
    old, young, wanted = left(8), left(6.9), left(100, wanted=True)
    assert collectable([old, young, wanted], 7) == [old]
