"""In whatever order connections come, fail and end, each byte has one owner and the file gets whole."""

from __future__ import annotations

import threading
import time

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actors.model_downloader.staging.byte_ranges import ByteRange, gaps, total_bytes, union
from actors.model_downloader.transfer.part_scheduler import MIB, SPLIT_LEAST_BYTES, Part, PartScheduler


def sharing(*sizes: int) -> PartScheduler:
    found = PartScheduler(list(sizes), [()] * len(sizes))
    for file in range(len(sizes)):
        found.share(file, proved=True)
    return found


def some(part: Part | None) -> Part:
    assert part is not None
    return part


def test_single_connection_takes_all_that_is_missing_in_one_go() -> None:
    scheduler = PartScheduler([100 * MIB], [((0, 7 * MIB),)])
    part = some(scheduler.take(0.0, 1))
    assert (part.start, part.end) == (7 * MIB, 100 * MIB)
    assert scheduler.take(0.0, 1) is None, (
        "the file is not shared: nobody knows yet whether the server does scheduler"
    )


def test_second_connection_leaves_the_first_one_the_front() -> None:
    scheduler = sharing(1024 * MIB)
    first = some(scheduler.take(0.0, 1))
    scheduler.advance(first, 10 * MIB)
    second = some(scheduler.take(1.0, 2))
    assert first.end == second.start == 74 * MIB
    assert second.end == 138 * MIB
    third = some(scheduler.take(1.0, 3))
    assert third.start == 138 * MIB, "parts follow each other from the front, so that hashing can follow"


def test_parts_are_never_tiny() -> None:
    scheduler = sharing(20 * MIB)
    first = some(scheduler.take(0.0, 4))
    assert first.end == 20 * MIB
    assert some(scheduler.take(0.0, 4)).left_bytes >= SPLIT_LEAST_BYTES
    scheduler.advance(first, first.left_bytes - 1)
    assert scheduler.take(0.0, 4) is None


def test_slowest_part_is_split_when_nothing_else_is_left() -> None:
    scheduler = sharing(16 * 64 * MIB)
    slow, *rest = [some(scheduler.take(0.0, 16)) for _ in range(16)]
    scheduler.advance(slow, 4 * MIB)
    for part in rest:
        scheduler.advance(part, 40 * MIB)
    helper = some(scheduler.take(1.0, 16))
    assert (slow.end, helper.start, helper.end) == (34 * MIB, 34 * MIB, 64 * MIB)
    assert slow.asked_end == 64 * MIB


def test_part_below_a_tenth_of_the_median_speed_is_too_slow() -> None:
    scheduler = sharing(1024 * MIB)
    parts = [some(scheduler.take(0.0, 4)) for _ in range(4)]
    for part, count in zip(parts, [20 * MIB, 18 * MIB, 22 * MIB, 1 * MIB], strict=True):
        scheduler.advance(part, count)
    assert scheduler.slow_parts(1.0) == []
    assert scheduler.slow_parts(6.0) == [parts[3]]
    assert sharing(100).slow_parts(10.0) == []


def test_server_without_ranges_gets_one_connection_which_goes_on_to_the_end() -> None:
    scheduler = PartScheduler([1024 * MIB], [()])
    whole = some(scheduler.take(0.0, 1))
    scheduler.advance(whole, MIB)
    scheduler.share(0, proved=False)
    refused = some(scheduler.take(1.0, 4))
    assert scheduler.take(1.0, 4) is None, "one is enough to find out"
    scheduler.release(refused)
    scheduler.keep_sole(0)
    assert whole.end == 1024 * MIB
    assert scheduler.take(2.0, 4) is None
    assert not scheduler.has_work()


def test_starting_over_forgets_all_but_what_is_proven() -> None:
    scheduler = PartScheduler([10], [((0, 6),)])
    part = some(scheduler.take(0.0, 1))
    assert scheduler.start_over(0, ((2, 4),)) == [part]
    assert (scheduler.written(0), scheduler.gaps(0)) == (((2, 4),), ((0, 2), (4, 10)))
    scheduler.take_whole(part)
    assert (part.start, part.end, scheduler.written(0), scheduler.gaps(0)) == (0, 10, (), ())


def test_file_that_was_given_up_is_left_alone_and_the_others_go_on() -> None:
    scheduler = sharing(10, 20)
    assert scheduler.give_up(0)
    assert some(scheduler.take(0.0, 1)).file == 1
    assert scheduler.take(0.0, 1) is None


def test_file_is_not_given_up_while_another_connection_fetches_it() -> None:
    scheduler = sharing(1024 * MIB)
    first, second = some(scheduler.take(0.0, 2)), some(scheduler.take(0.0, 2))
    scheduler.release(first)
    assert not scheduler.give_up(0)
    scheduler.release(second)
    assert scheduler.give_up(0)
    assert not scheduler.has_work()


def test_complete_file_is_not_handed_out_at_all() -> None:
    scheduler = PartScheduler([10, 0], [((0, 10),), ()])
    assert scheduler.take(0.0, 1) is None
    assert not scheduler.has_work()
    assert scheduler.missing_bytes == [0, 0]


def test_wait_ends_at_a_change_also_one_that_came_before_it() -> None:
    scheduler = sharing(1024 * MIB)
    part = some(scheduler.take(0.0, 1))
    changes = scheduler.changes
    scheduler.release(part)
    scheduler.wait(changes, 60.0)
    changes = scheduler.changes
    waiting = threading.Thread(target=scheduler.wait, args=(changes, 60.0))
    waiting.start()
    scheduler.wake()
    waiting.join(10)
    assert not waiting.is_alive()
    started = time.monotonic()
    scheduler.wait(scheduler.changes, 0.05)
    assert time.monotonic() - started >= 0.04


def test_parts_that_several_threads_take_never_overlap() -> None:
    scheduler = sharing(256 * MIB, 256 * MIB)
    taken: list[list[tuple[int, int, int]]] = [[] for _ in range(8)]

    def work(mine: list[tuple[int, int, int]]) -> None:
        while part := scheduler.take(0.0, 8):
            while part.left_bytes:
                start, count = part.position, min(MIB, part.left_bytes)
                scheduler.advance(part, count)
                mine.append((part.file, start, start + count))
            scheduler.release(part)

    threads = [threading.Thread(target=work, args=(mine,)) for mine in taken]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(scheduler.is_complete(file) for file in range(2))
    for file in range(2):
        ranges = [(start, end) for mine in taken for known, start, end in mine if known == file]
        assert total_bytes(union(ranges)) == sum(end - start for start, end in ranges) == 256 * MIB


class Connections(RuleBasedStateMachine):
    """Connections that begin, receive, fail, are refused and end, in any order."""

    @initialize(
        sizes=st.lists(st.integers(1, 90 * MIB), min_size=1, max_size=3), there=st.integers(0, 40 * MIB)
    )
    def begin(self, sizes: list[int], there: int) -> None:
        self.sizes = sizes
        self.scheduler = PartScheduler(
            sizes, [((0, min(there, sizes[0])),) if there else (), *[()] * (len(sizes) - 1)]
        )
        self.now = 0.0

    @rule(connections=st.integers(1, 8))
    def take(self, connections: int) -> None:
        self.now += 0.1
        part = self.scheduler.take(self.now, connections)
        assert part is None or part.left_bytes > 0

    @rule(file=st.integers(0, 2), answer=st.sampled_from(["whole", "part", "refused"]))
    def settle(self, file: int, answer: str) -> None:
        if file >= len(self.sizes):
            return
        if answer == "refused":
            self.scheduler.keep_sole(file)
        else:
            self.scheduler.share(file, proved=answer == "part")

    @precondition(lambda self: self.scheduler.active_parts)
    @rule(which=st.integers(0, 7), count=st.integers(1, MIB))
    def receive(self, which: int, count: int) -> None:
        part = self.scheduler.active_parts[which % len(self.scheduler.active_parts)]
        self.now += 0.01
        if part.left_bytes:
            self.scheduler.advance(part, min(count, part.left_bytes))

    @precondition(lambda self: self.scheduler.active_parts)
    @rule(which=st.integers(0, 7))
    def finish(self, which: int) -> None:
        part = self.scheduler.active_parts[which % len(self.scheduler.active_parts)]
        if part.left_bytes:
            self.scheduler.advance(part, part.left_bytes)
        self.scheduler.release(part)

    @precondition(lambda self: self.scheduler.active_parts)
    @rule(which=st.integers(0, 7))
    def fail(self, which: int) -> None:
        self.scheduler.release(self.scheduler.active_parts[which % len(self.scheduler.active_parts)])

    @rule(file=st.integers(0, 2))
    def start_over(self, file: int) -> None:
        if file < len(self.sizes):
            self.scheduler.start_over(file)

    @invariant()
    def every_byte_is_in_one_place(self) -> None:
        for file, size in enumerate(self.sizes):
            active: list[ByteRange] = [
                (part.position, part.end) for part in self.scheduler.active_parts if part.file == file
            ]
            places = [*self.scheduler.written(file), *active, *self.scheduler.gaps(file)]
            assert sum(end - start for start, end in places) == size
            assert total_bytes(union(places)) == size

    def teardown(self) -> None:
        """One connection that works brings the rest, whatever happened before."""
        if not hasattr(self, "scheduler"):
            return
        for part in list(self.scheduler.active_parts):
            self.scheduler.release(part)
        while rest := self.scheduler.take(self.now, 1):
            self.scheduler.advance(rest, rest.left_bytes)
            self.scheduler.release(rest)
        assert all(self.scheduler.is_complete(file) for file in range(len(self.sizes)))


Connections.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestConnections = Connections.TestCase


@given(st.lists(st.integers(1, 40 * MIB), min_size=1, max_size=6))
@settings(deadline=None)
def test_files_are_fetched_in_the_order_of_the_manifest(sizes: list[int]) -> None:
    scheduler = PartScheduler(sizes, [()] * len(sizes))
    order = []
    while part := scheduler.take(0.0, 1):
        order.append(part.file)
        scheduler.advance(part, part.left_bytes)
        scheduler.release(part)
    assert order == list(range(len(sizes)))
    assert all(gaps(scheduler.written(file), size) == () for file, size in enumerate(sizes))
