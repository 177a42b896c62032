"""Changes files of the home while the runtime runs, as a stranger's editor would."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.fuzz.file_changes import (
    LARGEST_BYTES,
    FileChange,
    apply,
    change_beside,
    is_skipped,
    rough_change,
    strange_directory,
)
from tests.fuzz.findings import FileStep
from tests.fuzz.fuzzed_runtime import FuzzedRuntime
from tests.fuzz.spared_things import WITNESS, WITNESS_DOCUMENT
from tests.support.strange_files import everything_below

SHARED_BINARY: Final = ("history", "anchors", ".journal", "history-audit")
"""Directories of files that hold what the witness stored, in a form that cannot be changed beside it."""

DIRECTORY_SHARE: Final = 0.03


class FileVandal:
    """Changes one file after the other.

    Attributes:
        counts: by the way of the change, and by directory.
    """

    def __init__(self, world: FuzzedRuntime, seed: int, remember: Callable[[FileStep], None]) -> None:
        self.counts: Counter[str] = Counter()
        self.touched: Counter[str] = Counter()
        self.failed: BaseException | None = None
        self._world = world
        self._remember = remember
        self._chance = random.Random(f"{seed}/files")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._is_rough = False
        self._pause = 0.05

    def start(self, is_rough: bool) -> None:
        """Begin; `is_rough`: whatever that costs."""
        self._is_rough = is_rough
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Change no more."""
        self._stopping.set()
        self._thread.join(60)

    def _run(self) -> None:
        try:
            while not self._stopping.wait(self._pause):
                with self._world.editing:
                    self.change_one()
        except BaseException as error:
            self.failed = error

    def change_one(self) -> None:
        """Change one file, if there is one."""
        home = self._world.home
        paths = [path for path in everything_below(home) if not is_skipped(path.relative_to(home))]
        kinds: dict[tuple[str, str], list[Path]] = {}
        for path in paths:
            kinds.setdefault((str(path.parent.relative_to(home)), path.suffix), []).append(path)
        if not kinds:
            return
        path = self._chance.choice(kinds[self._chance.choice(sorted(kinds))])
        try:
            change = self._change(path, path.relative_to(home).as_posix())
        except OSError:  # the runtime has moved it meanwhile
            return
        if change is None:
            return
        self._remember(FileStep(change))
        try:
            if apply(home, change):
                self.counts[
                    change.way if not change.text or "strange" not in change.way else change.text
                ] += 1
                self.touched[change.path.rpartition("/")[0] or change.path] += 1
        except OSError:
            return

    def _change(self, path: Path, relative: str) -> FileChange | None:
        if path.is_dir() and not path.is_symlink():
            is_deep = relative.count("/") >= 2
            if self._is_rough and is_deep and self._chance.random() < DIRECTORY_SHARE:
                return strange_directory(self._chance, relative)
            return None
        if self._is_rough:
            return rough_change(self._chance, relative)
        is_of_witness = WITNESS in relative or Path(relative).stem == WITNESS_DOCUMENT
        parts = Path(relative).parts
        if is_of_witness or path.is_symlink() or not path.is_file() or "store/history" in relative:
            return None
        if any(part in SHARED_BINARY for part in parts) or path.stat().st_size > LARGEST_BYTES:
            return None
        return change_beside(self._chance, relative, path.read_bytes())
