"""Kills for want of memory are counted by the kernel, in the control group where there is one."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.runtime.supervisor.processes.oom_watch import OomCount, OomWatch, read_count


def _place(root: Path, files: dict[str, str]) -> tuple[Path, Path]:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root / "proc", root / "cgroup"


def test_the_group_of_this_process_is_asked_first(tmp_path: Path) -> None:
    second = {
        "proc/self/cgroup": "0::/user.slice/app.scope\n",
        "cgroup/user.slice/app.scope/memory.events": "low 0\noom 7\noom_kill 3\noom_group_kill 0\n",
        "proc/vmstat": "oom_kill 90\n",
    }
    assert read_count(*_place(tmp_path / "2", second)) == OomCount(3, "cgroup")
    first = {
        "proc/self/cgroup": "5:cpu:/\n4:memory:/job\n0::/\n",
        "cgroup/memory/job/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
    }
    assert read_count(*_place(tmp_path / "1", first)) == OomCount(2, "cgroup")


def test_within_a_container_the_root_is_the_own_group(tmp_path: Path) -> None:
    files = {"proc/self/cgroup": "0::/docker/1f3a\n", "cgroup/memory.events": "oom_kill 1\n"}
    assert read_count(*_place(tmp_path, files)) == OomCount(1, "cgroup")


def test_without_a_group_the_count_of_the_machine_is_taken_and_without_that_none(tmp_path: Path) -> None:
    assert read_count(
        *_place(
            tmp_path / "a", {"proc/self/cgroup": "0::/\n", "proc/vmstat": "nr_free_pages 1\noom_kill 4\n"}
        )
    ) == OomCount(4, "machine")
    assert (
        read_count(
            *_place(tmp_path / "b", {"proc/self/cgroup": "rubbish\n", "proc/vmstat": "oom_kill many\n"})
        )
        is None
    )
    assert read_count(tmp_path / "nothing", tmp_path) is None


@pytest.mark.parametrize("looks_between", [0, 1])
def test_a_kill_is_seen_even_if_a_look_came_between_it_and_the_end_of_its_process(
    tmp_path: Path, looks_between: int
) -> None:
    places = _place(tmp_path, {"proc/vmstat": "oom_kill 5\n"})
    watch = OomWatch(*places)
    watch.refresh(10.0)
    (tmp_path / "proc/vmstat").write_text("oom_kill 6\n")
    for n in range(looks_between):
        watch.refresh(12.0 + n)
    assert watch.claim() == OomCount(1, "machine")
    assert watch.claim() == OomCount(0, "machine")  # one kill explains one end


def test_a_kill_of_long_ago_explains_nothing(tmp_path: Path) -> None:
    places = _place(tmp_path, {"proc/vmstat": "oom_kill 5\n"})
    watch = OomWatch(*places)
    (tmp_path / "proc/vmstat").write_text("oom_kill 6\n")
    for now in (10.0, 12.0, 14.0):
        watch.refresh(now)
    assert watch.claim() == OomCount(0, "machine")


def test_where_the_kernel_does_not_tell_nothing_is_claimed(tmp_path: Path) -> None:
    assert OomWatch(tmp_path, tmp_path).claim() is None
