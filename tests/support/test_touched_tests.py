"""What `make fast` runs: the tests of the folders that a change touches."""

from __future__ import annotations

from tests.support.touched_tests import folders_of

EXISTS = frozenset({"tests", "tests/bus", "tests/bus/peer", "tests/actors", "tests/actors/history"})


def test_a_module_names_the_folder_of_its_mirrored_test_and_a_test_itself() -> None:
    changed = ["bus/peer/lane/outbox.py", "tests/actors/history/test_query.py", "README.md"]
    assert folders_of(changed, EXISTS) == ["tests/actors/history/test_query.py", "tests/bus/peer"]


def test_a_folder_without_tests_falls_back_to_the_one_above_it() -> None:
    assert folders_of(["actors/history/segments/recovery.py"], EXISTS) == ["tests/actors/history"]


def test_what_lies_in_a_folder_that_runs_anyway_is_not_named_twice() -> None:
    assert folders_of(["bus/wire.py", "bus/peer/peer.py", "tests/bus/test_wire.py"], EXISTS) == ["tests/bus"]


def test_without_a_change_the_bus_is_tested() -> None:
    assert folders_of([], EXISTS) == ["tests/bus"]
