"""Metrics as Prometheus text, exposition format 0.0.4. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from schemas.operations.metrics import Sample

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_:]")
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})


def exposition(samples: Iterable[tuple[str, Sample]]) -> str:
    """Samples of actors, each with the name of its actor, as one page; series of one name stand together."""
    families: dict[str, list[tuple[str, Sample]]] = {}
    for actor, sample in samples:
        families.setdefault(name_of(sample), []).append((actor, sample))
    return "".join(_family(name, members) for name, members in sorted(families.items()))


def name_of(sample: Sample) -> str:
    """Name of a series: `state_persistence.save.duration_ms` is `state_persistence_save_duration_ms`; counters end in `_total`."""
    name = _NOT_IN_NAMES.sub("_", sample.name)
    name = f"_{name}" if name[:1].isdigit() else name
    return f"{name}_total" if sample.kind == "counter" and not name.endswith("_total") else name


def _family(name: str, members: list[tuple[str, Sample]]) -> str:
    kind, description = (
        members[0][1].kind,
        members[0][1].description.replace("\\", "\\\\").replace("\n", "\\n"),
    )
    head = f"# HELP {name} {description}\n# TYPE {name} {kind}\n"
    return head + "".join(
        line for actor, sample in members if sample.kind == kind for line in _lines(name, actor, sample)
    )


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
    return (
        "{"
        + ",".join(
            f'{_NOT_IN_NAMES.sub("_", name)}="{value.translate(_ESCAPES)}"' for name, value in labels.items()
        )
        + "}"
    )


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
