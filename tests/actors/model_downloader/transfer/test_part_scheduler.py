"""Ranges: whatever order connections come, fail and end in, every byte is handed out once at a time and the file gets whole."""

from __future__ import annotations

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
    ranges = PartScheduler([100 * MIB], [((0, 7 * MIB),)])
    part = some(ranges.take(0.0, 1))
    assert (part.start, part.end) == (7 * MIB, 100 * MIB)
    assert ranges.take(0.0, 1) is None, (
        "the file is not shared: nobody knows yet whether the server does ranges"
    )


def test_second_connection_leaves_the_first_one_the_front() -> None:
    ranges = sharing(1024 * MIB)
    first = some(ranges.take(0.0, 1))
    ranges.advance(first, 10 * MIB)
    second = some(ranges.take(1.0, 2))
    assert first.end == second.start == 74 * MIB
    assert second.end == 138 * MIB
    third = some(ranges.take(1.0, 3))
    assert third.start == 138 * MIB, "parts follow each other from the front, so that hashing can follow"


def test_parts_are_never_tiny() -> None:
    ranges = sharing(20 * MIB)
    first = some(ranges.take(0.0, 4))
    assert first.end == 20 * MIB
    assert some(ranges.take(0.0, 4)).left >= SPLIT_LEAST_BYTES
    ranges.advance(first, first.left - 1)
    assert ranges.take(0.0, 4) is None


def test_slowest_part_is_split_when_nothing_else_is_left() -> None:
    ranges = sharing(16 * 64 * MIB)
    slow, *rest = [some(ranges.take(0.0, 16)) for _ in range(16)]
    ranges.advance(slow, 4 * MIB)
    for part in rest:
        ranges.advance(part, 40 * MIB)
    helper = some(ranges.take(1.0, 16))
    assert (slow.end, helper.start, helper.end) == (34 * MIB, 34 * MIB, 64 * MIB)
    assert slow.asked_end == 64 * MIB


def test_part_below_a_tenth_of_the_median_speed_is_too_slow() -> None:
    ranges = sharing(1024 * MIB)
    parts = [some(ranges.take(0.0, 4)) for _ in range(4)]
    for part, count in zip(parts, [20 * MIB, 18 * MIB, 22 * MIB, 1 * MIB], strict=True):
        ranges.advance(part, count)
    assert ranges.slow(1.0) == []
    assert ranges.slow(6.0) == [parts[3]]
    assert sharing(100).slow(10.0) == []


def test_server_without_ranges_gets_one_connection_which_goes_on_to_the_end() -> None:
    ranges = PartScheduler([1024 * MIB], [()])
    whole = some(ranges.take(0.0, 1))
    ranges.advance(whole, MIB)
    ranges.share(0, proved=False)
    refused = some(ranges.take(1.0, 4))
    assert ranges.take(1.0, 4) is None, "one is enough to find out"
    ranges.release(refused)
    ranges.keep_sole(0)
    assert whole.end == 1024 * MIB
    assert ranges.take(2.0, 4) is None
    assert not ranges.has_work()


def test_starting_over_forgets_all_but_what_is_proven() -> None:
    ranges = PartScheduler([10], [((0, 6),)])
    part = some(ranges.take(0.0, 1))
    assert ranges.start_over(0, ((2, 4),)) == [part]
    assert (ranges.written(0), ranges.missing(0)) == (((2, 4),), ((0, 2), (4, 10)))
    ranges.take_whole(part)
    assert (part.start, part.end, ranges.written(0), ranges.missing(0)) == (0, 10, (), ())


def test_blocked_file_is_left_alone_and_the_others_go_on() -> None:
    ranges = sharing(10, 20)
    ranges.block(0)
    assert some(ranges.take(0.0, 1)).file == 1
    assert ranges.take(0.0, 1) is None


class Connections(RuleBasedStateMachine):
    """Connections that begin, receive, fail, are refused and end, in any order, against a model of who owns which byte."""

    @initialize(
        sizes=st.lists(st.integers(1, 90 * MIB), min_size=1, max_size=3), there=st.integers(0, 40 * MIB)
    )
    def begin(self, sizes: list[int], there: int) -> None:
        self.sizes = sizes
        self.ranges = PartScheduler(
            sizes, [((0, min(there, sizes[0])),) if there else (), *[()] * (len(sizes) - 1)]
        )
        self.now = 0.0

    @rule(connections=st.integers(1, 8))
    def take(self, connections: int) -> None:
        self.now += 0.1
        part = self.ranges.take(self.now, connections)
        assert part is None or part.left > 0

    @rule(file=st.integers(0, 2), answer=st.sampled_from(["whole", "part", "refused"]))
    def settle(self, file: int, answer: str) -> None:
        if file >= len(self.sizes):
            return
        if answer == "refused":
            self.ranges.keep_sole(file)
        else:
            self.ranges.share(file, proved=answer == "part")

    @precondition(lambda self: self.ranges.active)
    @rule(which=st.integers(0, 7), count=st.integers(1, MIB))
    def receive(self, which: int, count: int) -> None:
        part = self.ranges.active[which % len(self.ranges.active)]
        self.now += 0.01
        if part.left:
            self.ranges.advance(part, min(count, part.left))

    @precondition(lambda self: self.ranges.active)
    @rule(which=st.integers(0, 7))
    def finish(self, which: int) -> None:
        part = self.ranges.active[which % len(self.ranges.active)]
        if part.left:
            self.ranges.advance(part, part.left)
        self.ranges.release(part)

    @precondition(lambda self: self.ranges.active)
    @rule(which=st.integers(0, 7))
    def fail(self, which: int) -> None:
        self.ranges.release(self.ranges.active[which % len(self.ranges.active)])

    @rule(file=st.integers(0, 2))
    def start_over(self, file: int) -> None:
        if file < len(self.sizes):
            self.ranges.start_over(file)

    @invariant()
    def every_byte_is_in_one_place(self) -> None:
        for file, size in enumerate(self.sizes):
            active: list[ByteRange] = [
                (part.position, part.end) for part in self.ranges.active if part.file == file
            ]
            places = [*self.ranges.written(file), *active, *self.ranges.missing(file)]
            assert sum(end - start for start, end in places) == size
            assert total_bytes(union(places)) == size

    def teardown(self) -> None:
        """One connection that works brings the rest, whatever happened before."""
        if not hasattr(self, "ranges"):
            return
        for part in list(self.ranges.active):
            self.ranges.release(part)
        while rest := self.ranges.take(self.now, 1):
            self.ranges.advance(rest, rest.left)
            self.ranges.release(rest)
        assert all(self.ranges.is_complete(file) for file in range(len(self.sizes)))


Connections.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestConnections = Connections.TestCase


@given(st.lists(st.integers(1, 40 * MIB), min_size=1, max_size=6))
@settings(deadline=None)
def test_files_are_fetched_in_the_order_of_the_manifest(sizes: list[int]) -> None:
    ranges = PartScheduler(sizes, [()] * len(sizes))
    order = []
    while part := ranges.take(0.0, 1):
        order.append(part.file)
        ranges.advance(part, part.left)
        ranges.release(part)
    assert order == list(range(len(sizes)))
    assert all(gaps(ranges.written(file), size) == () for file, size in enumerate(sizes))
