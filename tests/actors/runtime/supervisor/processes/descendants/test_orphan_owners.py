"""An adopted process ends when the last child that it may belong to has ended, and not before."""

from __future__ import annotations

from actors.runtime.supervisor.processes.descendants.orphan_owners import OrphanOwners


def test_a_mark_says_whose_it_is() -> None:
    owners = OrphanOwners("r.")
    assert owners.outlived({7: "r.1", 8: "r.2"}, live=["r.1", "r.2"], ended=[]) == set()
    assert owners.outlived({7: "r.1", 8: "r.2"}, live=["r.2"], ended=["r.1"]) == {7}


def test_one_without_a_mark_that_appears_with_an_end_belongs_to_what_ended() -> None:
    assert OrphanOwners().outlived({7: ""}, live=["2"], ended=["1"]) == {7}


def test_one_without_a_mark_that_was_there_before_ends_with_the_last_that_was_alive_then() -> None:
    owners = OrphanOwners()
    assert owners.outlived({7: ""}, live=["1", "2"], ended=[]) == set()
    assert owners.outlived({7: ""}, live=["2", "3"], ended=["1"]) == set()
    assert owners.outlived({7: ""}, live=["3"], ended=["2"]) == {7}


def test_a_process_that_runs_its_program_only_after_it_was_seen_is_known_by_its_mark_then() -> None:
    owners = OrphanOwners()
    owners.outlived({7: ""}, live=["1", "2"], ended=[])
    assert owners.outlived({7: "1"}, live=["2"], ended=["1"]) == {7}


def test_the_mark_of_another_runtime_says_nothing() -> None:
    owners = OrphanOwners("r.")
    assert owners.outlived({7: "other.9"}, live=["r.1"], ended=[]) == set()
    assert owners.outlived({7: "other.9"}, live=[], ended=["r.1"]) == {7}


def test_an_id_that_is_given_out_anew_is_another_process() -> None:
    owners = OrphanOwners()
    owners.outlived({7: "1"}, live=["1", "2"], ended=[])
    owners.outlived({}, live=["1", "2"], ended=[])
    assert owners.outlived({7: "2"}, live=["2"], ended=["1"]) == set()
