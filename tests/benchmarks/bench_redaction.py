"""How many secrets of a corpus show after redaction, how many harmless lines are touched, and how fast."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from bus.telemetry.redaction import Redactor
from tests.benchmarks.cast import package_missing
from tests.benchmarks.measure import Benchmark, Contestant, Sample, Target, main
from tests.support.redaction_corpus import canaries, harmless_lines

QUICK_SHARE = 20
MIB = 1024 * 1024


def undercroft(share: int) -> Sample:
    """Our scanner: what stays of each text is what a reader would see."""
    redactor = Redactor(b"benchmark")
    texts, lines = list(canaries())[::share], harmless_lines()[::share]
    began = time.perf_counter()
    shown = sum(secret in redactor.text(text) for _, text, secret in texts)
    touched = sum(redactor.text(line) != line for line in lines)
    return _sample(texts, lines, shown, touched, time.perf_counter() - began)


def detect_secrets(share: int) -> Sample:
    """All plugins of detect-secrets with their default limits: a secret shows if no finding covers it."""
    from detect_secrets.core.scan import scan_file
    from detect_secrets.settings import default_settings

    def found(text: str) -> list[str]:
        file.write_text(text.replace("\0", "\n"), encoding="utf-8")
        return [finding.secret_value or "" for finding in scan_file(str(file))]

    texts, lines = list(canaries())[::share], harmless_lines()[::share]
    with default_settings(), tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "service.log"
        began = time.perf_counter()
        shown = sum(not any(secret in value for value in found(text)) for _, text, secret in texts)
        touched = sum(bool(found(line)) for line in lines)
        return _sample(texts, lines, shown, touched, time.perf_counter() - began)


def _sample(
    texts: list[tuple[str, str, str]], lines: list[str], shown: int, touched: int, seconds: float
) -> Sample:
    size_bytes = sum(len(text) for _, text, _ in texts) + sum(map(len, lines))
    return {
        "shown_percent": 100 * shown / len(texts),
        "touched_percent": 100 * touched / len(lines),
        "mib_per_second": size_bytes / MIB / seconds,
    }


def build(is_quick: bool) -> Benchmark:
    """Secrets that show, harmless lines that are touched, and speed, over one corpus."""
    share = QUICK_SHARE if is_quick else 1
    return Benchmark(
        name="redaction",
        title="Redaction of a corpus of secrets, and of lines of real logs",
        contestants=[
            Contestant("undercroft", lambda: undercroft(share)),
            Contestant(
                "detect-secrets",
                lambda: detect_secrets(share),
                package_missing("detect_secrets", "detect-secrets"),
            ),
        ],
        targets=[
            Target("shown_percent", 0.0, at_least=False),
            Target("touched_percent", 0.5, at_least=False),
            Target("mib_per_second", 1.0, at_least=True, peer="detect-secrets"),
        ],
        notes=["detect-secrets reviews source code; it was not made for logs, and is the closest there is."],
    )


if __name__ == "__main__":
    main("bench_redaction", build)
