"""Metrics as Prometheus text, exposition format 0.0.4. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from schemas.operations.metrics import Sample

_NOT_IN_NAMES: Final = re.compile(r"[^a-zA-Z0-9_:]")
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})


def exposition(samples: Iterable[tuple[str, Sample]]) -> str:
    """Return one page with all samples. Series with the same name stand together.

    Args:
        samples: each with the name of its actor.
    """
    families: dict[str, list[tuple[str, Sample]]] = {}
    for actor, sample in samples:
        families.setdefault(name_of(sample), []).append((actor, sample))
    return "".join(_family(name, members) for name, members in sorted(families.items()))


def name_of(sample: Sample) -> str:
    """Return the name of a series: `save.time_ms` becomes `save_time_ms`; counters end in `_total`."""
    name = _NOT_IN_NAMES.sub("_", sample.name)
    name = f"_{name}" if name[:1].isdigit() else name
    return f"{name}_total" if sample.kind == "counter" and not name.endswith("_total") else name


def _family(name: str, members: list[tuple[str, Sample]]) -> str:
    first = members[0][1]
    description = first.description.replace("\\", "\\\\").replace("\n", "\\n")
    lines = [
        line for actor, sample in members if sample.kind == first.kind for line in _lines(name, actor, sample)
    ]
    return f"# HELP {name} {description}\n# TYPE {name} {first.kind}\n" + "".join(lines)


def _lines(name: str, actor: str, sample: Sample) -> Iterable[str]:
    labels = {"actor": actor, **sample.labels}
    if sample.kind != "histogram":
        yield f"{name}{_labels(labels)} {_number(sample.value)}\n"
        return
    for bucket in sample.buckets:
        yield f"{name}_bucket{_labels({**labels, 'le': _number(bucket.limit)})} {bucket.count}\n"
    yield f"{name}_bucket{_labels({**labels, 'le': '+Inf'})} {sample.count}\n"
    yield f"{name}_sum{_labels(labels)} {_number(sample.value)}\n"
    yield f"{name}_count{_labels(labels)} {sample.count}\n"


def _labels(labels: dict[str, str]) -> str:
    pairs = (
        f'{_NOT_IN_NAMES.sub("_", name)}="{value.translate(_ESCAPES)}"' for name, value in labels.items()
    )
    return "{" + ",".join(pairs) + "}"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
