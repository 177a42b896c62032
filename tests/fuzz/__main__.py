"""Fuzz a real runtime: peers, files and servers that mean ill, or merely err.

    python -m tests.fuzz [--seconds S] [--seed N] [--peers N] [--gentle-share X] [--replay FILE]
                         [--json]

Exit code 1: a promise was broken. The smallest case that shows it is kept in tests/fuzz/corpus.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.case_replay import findings_of
from tests.fuzz.findings import CORPUS, Finding, KeptCase, Step, keep, read, smallest
from tests.fuzz.fuzz_run import GENTLE_SHARE, FuzzRun, as_json

EVIDENCE = Path("build") / "fuzz" / "evidence.txt"
"""Below the working directory."""

TRIES = 14
"""How often a case is played to make it smaller."""


def say(text: str) -> None:
    """Tell how far it is."""
    print(f"fuzz: {text}", file=sys.stderr, flush=True)


def minimise(run: FuzzRun, finding: Finding, tries: int) -> Path:
    """Keep the smallest case that still shows a finding; the last steps where none does when played again."""
    steps = run.suspects.get(f"{finding.promise} {finding.subject}") or run.steps()
    if finding.promise == "restarted":
        steps = run.suspects.get("restarted", steps)

    def is_bad(choice: list[Step]) -> bool:
        case = KeptCase(run.seed, finding.promise, choice)
        return any(finding.is_like(found) for found in findings_of(case))

    fewest, is_repeatable = smallest(steps, is_bad, tries)
    words = str(finding) if is_repeatable else f"(did not happen again when it was played) {finding}"
    return keep(KeptCase(run.seed, words[:2000], fewest))


def replay(path: Path) -> int:
    """Play a kept case."""
    case = read(path)
    say(f"{path.name}: {len(case.steps)} steps; when it was found: {case.found[:500]}")
    found = findings_of(case)
    for finding in found:
        say(f"FOUND {finding}")
    return 1 if found else 0


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        prog="tests.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--gentle-share", type=float, default=GENTLE_SHARE)
    parser.add_argument("--peers", type=int, default=64)
    parser.add_argument("--tries", type=int, default=TRIES)
    parser.add_argument("--replay", type=Path, default=None)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--report", type=Path, default=None)
    arguments = parser.parse_args()
    if arguments.replay is not None:
        return replay(arguments.replay)
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(10**6)
    say(f"seed {seed}, {arguments.peers} peers, {arguments.seconds:.0f} s")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="uf-", dir=os.environ.get("TMPDIR")) as directory:
        run = FuzzRun(Path(directory), seed, arguments.peers, say)
        run.run(arguments.seconds, arguments.gentle_share)
    run.numbers["seconds"] = round(time.monotonic() - began, 1)
    for finding in run.findings[:4]:
        path = minimise(run, finding, arguments.tries)
        place = path.relative_to(CORPUS.parents[2])
        say(f"kept as {place}; make fuzz REPLAY={place}")
    if run.evidence:
        EVIDENCE.parent.mkdir(parents=True, exist_ok=True)
        EVIDENCE.write_text("\n".join(run.evidence), encoding="utf-8")
        say(f"what the restarted actors wrote is in {EVIDENCE}")
    print(as_json(run.numbers) if arguments.json else summary(run))
    return 1 if run.findings else 0


def summary(run: FuzzRun) -> str:
    """The numbers for people."""
    numbers = run.numbers
    lines = [
        f"seed {run.seed}: {numbers.get('requests', 0):,} requests, "
        f"{numbers.get('other_messages', 0):,} other messages, {numbers.get('vanished', 0)} peers vanished",
        f"{numbers.get('changed_files', 0)} files changed beside what was stored, "
        f"{numbers.get('roughly_changed_files', 0)} roughly; {numbers.get('lies', 0)} lies of servers",
        f"{numbers.get('acknowledged', 0):,} acknowledged, restarts {numbers.get('restarts', '?')}, "
        f"memory {numbers.get('memory_before_mib')} -> {numbers.get('memory_after_mib')} MiB, "
        f"{numbers.get('seconds')} s",
    ]
    for topic, counts in numbers.get("verdicts", {}).items():
        lines.append(
            f"  {topic:26} " + ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items()))
        )
    lines += [f"FOUND {text[:500]}" for text in numbers["findings"]] or ["nothing was found"]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
