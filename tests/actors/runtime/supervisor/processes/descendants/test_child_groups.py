"""A control group holds what forks twice, and is removed once it is empty."""

from __future__ import annotations

import os
import secrets
import select
import subprocess
import sys
from pathlib import Path

import pytest

from actors.runtime.supervisor.processes.descendants.child_groups import ChildGroups, join, own_group


def _can_make_groups() -> bool:
    groups = ChildGroups(own_group())
    made = groups.make(f"probe.{secrets.token_hex(8)}")
    groups.end_all("probe.")
    return bool(made)


real = pytest.mark.skipif(
    sys.platform != "linux" or not _can_make_groups(), reason="needs a control group of its own"
)


@pytest.mark.parametrize(
    ("place", "root", "found"),
    [
        ("/", "/", "/sys/fs/cgroup"),
        ("/user.slice/app.scope", "/", "/sys/fs/cgroup/user.slice/app.scope"),
        ("/docker/abc/inner", "/docker/abc", "/sys/fs/cgroup/inner"),
        ("/docker/abcdef", "/docker/abc", None),
    ],
)
def test_the_group_is_found_below_the_mount(place: str, root: str, found: str | None, tmp_path: Path) -> None:
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "cgroup").write_text(f"4:memory:/x\n0::{place}\n")
    (tmp_path / "self" / "mountinfo").write_text(
        "22 1 0:20 / /proc rw - proc proc rw\n"
        f"30 25 0:26 {root} /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n"
    )
    assert own_group(tmp_path) == (Path(found) if found else None)


def test_without_control_groups_nothing_happens(tmp_path: Path) -> None:
    assert own_group(tmp_path) is None
    for groups in (ChildGroups(None), ChildGroups(tmp_path)):
        assert groups.make("a.b.1") == ""
        groups.end(["a.b.1"])
        groups.end_all("a.")
    join("")
    join(str(tmp_path / "nowhere"))
    assert list(tmp_path.iterdir()) == []


@real
def test_all_of_a_group_ends_at_once_and_the_group_goes() -> None:
    groups = ChildGroups(own_group())
    group = groups.make(f"test.{secrets.token_hex(8)}.1")
    script = f"echo 0 > {group}/cgroup.procs; env -i setsid sleep 1000 >/dev/null 2>&1 & echo $!; wait"
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        descendant = os.pidfd_open(int(child.stdout.readline()))
        groups.end([Path(group).name.removeprefix("undercroft-")])
        assert select.select([descendant], [], [], 20)[0]
        assert child.wait(20) == -9
    while Path(group).exists():
        groups.end(())


@real
def test_groups_of_former_runtimes_of_a_home_are_found_by_its_mark() -> None:
    groups, home = ChildGroups(own_group()), f"{secrets.token_hex(8)}."
    former, own = groups.make(f"{home}former.1"), groups.make(f"{home}own.1")
    ChildGroups(own_group()).end_all(home, f"{home}own.")
    assert not Path(former).exists()
    assert Path(own).exists()
    groups.end_all(home)
    assert not Path(own).exists()
