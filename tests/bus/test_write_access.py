"""Who else may write to a path, decided from what was seen of it."""

from __future__ import annotations

import stat
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.write_access import AccessEntry, PathFacts, TrustedUsers, access_entries, judge

ME, ROOT, BOB = 1000, 0, 1001
MY_GROUP, TEAM = 1000, 2000
TRUSTED = TrustedUsers(ME, frozenset({ROOT}), lambda gid: gid == MY_GROUP)
DIRECTORY, LINK = stat.S_IFDIR, stat.S_IFLNK


def facts(
    mode: int, uid: int = ME, gid: int = TEAM, access: tuple[AccessEntry, ...] | None = None
) -> PathFacts:
    return PathFacts("/srv/my models", uid, gid, mode, access)


@pytest.mark.parametrize("uid", [ME, ROOT])
@pytest.mark.parametrize("mode", [0o700, 0o755, 0o750])
def test_a_directory_that_only_its_owner_may_write_to_is_trusted(uid: int, mode: int) -> None:
    assert judge(facts(DIRECTORY | mode, uid), TRUSTED, "root") is None


def test_what_every_user_may_write_to_is_named_with_the_command_that_mends_it() -> None:
    found = judge(facts(DIRECTORY | 0o777), TRUSTED, "root")
    assert found is not None
    assert found.means == "others"
    assert str(found) == (
        "/srv/my models: every user may write to it (mode 0777), expected its owner alone, so what "
        "lies there cannot be trusted; run: chmod go-w '/srv/my models'"
    )


def test_what_a_group_with_other_members_may_write_to_is_named() -> None:
    found = judge(facts(DIRECTORY | 0o775), TRUSTED, "root")
    assert found is not None
    assert (found.means, found.mend) == ("group", "chmod g-w '/srv/my models'")


def test_the_private_group_of_a_user_may_write() -> None:
    assert judge(facts(DIRECTORY | 0o775, gid=MY_GROUP), TRUSTED, "root") is None


def test_what_belongs_to_somebody_else_is_named() -> None:
    found = judge(facts(DIRECTORY | 0o700, BOB), TRUSTED, "root")
    assert found is not None
    assert (found.means, found.mend) == ("owner", "sudo chown -h 1000 '/srv/my models'")


def test_a_sticky_directory_is_a_way_but_no_root() -> None:
    sticky = facts(DIRECTORY | 0o1777, ROOT)
    assert judge(sticky, TRUSTED, "way") is None
    assert judge(sticky, TRUSTED, "root") is not None


def test_the_mode_of_a_link_says_nothing_but_its_owner_does() -> None:
    assert judge(facts(LINK | 0o777), TRUSTED, "way") is None
    assert judge(facts(LINK | 0o777, BOB), TRUSTED, "way") is not None


def test_an_access_list_that_lets_others_write_is_named() -> None:
    found = judge(facts(DIRECTORY | 0o770, access=(AccessEntry("user", BOB),)), TRUSTED, "root")
    assert found is not None
    assert (found.means, found.mend) == ("access_list", "setfacl -b '/srv/my models'")
    assert judge(facts(DIRECTORY | 0o770, access=(AccessEntry("user", ME),)), TRUSTED, "root") is None
    assert judge(facts(DIRECTORY | 0o770, access=(AccessEntry("group", MY_GROUP),)), TRUSTED, "root") is None


def test_the_group_bits_of_a_mode_are_a_mask_where_there_is_an_access_list() -> None:
    assert judge(facts(DIRECTORY | 0o770, access=()), TRUSTED, "root") is None


def test_entries_of_an_access_list_count_as_far_as_the_mask_lets_them() -> None:
    entries = [(0x01, 7, 0xFFFFFFFF), (0x02, 7, BOB), (0x04, 5, 0xFFFFFFFF), (0x08, 2, 300)]
    writable = _packed([*entries, (0x10, 7, 0xFFFFFFFF), (0x20, 0, 0xFFFFFFFF)])
    assert access_entries(writable, TEAM) == (AccessEntry("user", BOB), AccessEntry("group", 300))
    masked = _packed([*entries, (0x10, 5, 0xFFFFFFFF), (0x20, 0, 0xFFFFFFFF)])
    assert access_entries(masked, TEAM) == ()


def test_the_entry_of_the_group_stands_for_the_group_of_the_file() -> None:
    assert access_entries(_packed([(0x04, 7, 0xFFFFFFFF)]), TEAM) == (AccessEntry("group", TEAM),)


@given(st.binary(max_size=60))
def test_no_bytes_of_an_access_list_raise(content: bytes) -> None:
    access_entries(content, TEAM)


@given(st.integers(0, 0o7777), st.sampled_from([ME, ROOT, BOB]), st.sampled_from(["root", "way", "file"]))
def test_nobody_else_may_write_to_what_passes(mode: int, uid: int, role: str) -> None:
    found = judge(facts(DIRECTORY | mode, uid), TRUSTED, role)  # type: ignore[arg-type]  # from a list of them
    if found is None:
        assert uid != BOB
        assert not mode & 0o022 or (role == "way" and mode & stat.S_ISVTX)


def _packed(entries: list[tuple[int, int, int]]) -> bytes:
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
