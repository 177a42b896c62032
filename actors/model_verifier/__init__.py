"""Tells whether files keep what a manifest promises, and has most of the answer ready when a download ends.

Owns:
    `<state>/model_verifier/verified.json`: which files were verified, how they looked then, and when. Losing
    it loses no truth: everything is read again.

Serves:
    `models.verify_files`, from the downloader: compares files with their promises. `trust_records` spares
    reading files that are unchanged since they were verified; `idle` reads at the lowest priority while
    nobody downloads. `paths.admit_models_root`: from then on it looks into one more directory of models.

Hears:
    `models.download_progressed`: hashes what became durable, so that at the end only the tail is left to
    read. An event that is lost costs time, nothing else. `models.removed`: forgets the records of a model.

Promises:
    A verdict is that of the bytes on disk, whatever was hashed or recorded before. A file that changes while
    it is read never counts as verified. It looks only directly below the directories of models, and follows
    no link. Memory stays the same for files of any length.

Where to begin: `file_verdict.py` judges what was found of one file. `comparison.py` finds it for all files of
a model, with `growing_hash.py` for files that are still written. `actor.py` decides which thread reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors.shared.context import ActorContext
    from bus.actor import Actor


def build(context: ActorContext) -> Actor[Any]:
    """Build the actor that a profile names with `entry = "actors.model_verifier:build"`."""
    from actors.model_verifier.actor import ModelVerifier

    return ModelVerifier(context, context.locations.models, context.locations.state)
