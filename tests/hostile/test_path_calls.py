"""Names from outside become places in one package; nobody else opens, renames or removes by a path."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT = Path(__file__).parents[2]
MAKES_PLACES: Final = ("actors/shared/places/", "actors/shared/durable/")
"""Opens places without following links, and writes what lies there durably."""

TAKES_NAMES: Final = (
    "actors/model_downloader/",
    "actors/model_verifier/",
    "actors/model_sources/",
    "actors/shared/manifest/",
)
"""Names of a manifest, an archive, a server or a listed directory arrive here: no call may take a path."""

CALLS: Final = {
    "os": {
        *(
            "open",
            "replace",
            "rename",
            "unlink",
            "remove",
            "mkdir",
            "makedirs",
            "rmdir",
            "removedirs",
            "chmod",
        ),
        *("chown", "link", "symlink", "truncate", "utime", "mkfifo"),
    },
    "shutil": {"rmtree", "move", "copy", "copy2", "copyfile", "copytree", "copymode", "unpack_archive"},
    "io": {"open"},
}
METHODS: Final = {
    *("open", "write_bytes", "write_text", "unlink", "rename", "mkdir", "rmdir", "touch", "chmod"),
    *("symlink_to", "hardlink_to"),
}
"""Of `pathlib.Path`, and of places, which mypy keeps apart: a module that has no paths has them of places."""

HOME = "fixed names in a directory that was judged to be this user's alone"
OWN_NAMES = "names that it made itself, below a directory of the home"
NAMED = "a file that the person at the keyboard named"
SYSTEM = "a fixed place of the system"
DEVICE = "the null device"

ALLOWED: Final = {
    "discovery": SYSTEM,
    "own_places": HOME,
    "descriptors": DEVICE,
    "listener": HOME,
    "background_start": DEVICE,
    "config_edit": "a temporary directory of its own",
    "config_transfer": NAMED,
    "history_export": NAMED + "; only a new file is written",
    "contract": NAMED + ", in a checkout of the source",
    "init": NAMED + "; only new files are written",
    "origin_content": "a temporary directory of its own",
    "tour_models": "a temporary directory of its own",
    "tour_run": "a temporary directory of its own",
    "visibility_probe": "a temporary directory of its own",
    "database_check": "reads only",
    "repairs": "what a finding named and a person agreed to; links are left alone",
    "standard_streams": DEVICE,
    "up_view": DEVICE,
    "setting_migrations": HOME,
    "disk_evidence": "reads only",
    "system_facts": SYSTEM,
    "log_files": HOME + ", or that a person chose for logs",
    "history_home": HOME,
    "anchor_files": HOME,
    "segment_files": OWN_NAMES,
    "segment_writer": OWN_NAMES,
    "file_source": "the file of a `file:` URL; reads only",
    "tree_copy": "two places at once, each by descriptor and name",
    "local_files": "the file of a `file:` URL; reads only",
    "child_main": DEVICE,
    "broker_endpoints": HOME,
    "home_holder": HOME,
    "home_lock": HOME,
    "home_watch": HOME,
    "runtime_file": HOME,
    "child_groups": SYSTEM,
    "process_tree": SYSTEM,
    "forked_child": DEVICE,
    "oom_watch": SYSTEM,
    "audit_log": OWN_NAMES,
    "crash_files": OWN_NAMES,
    "key_store": HOME,
    "locations": HOME,
    "manifest_reader": "the manifest of the profile; reads only",
    "running_actor": "the temporary directory of a test",
    "audit_notes": "no path: the log is opened",
    "backup_transfer": NAMED + "; only a new file is written",
    "backup_pack": OWN_NAMES,
    "integrity_check": OWN_NAMES,
    "repository": OWN_NAMES + "; ids are parsed first",
    "restore": "no path: the backup is opened by its id",
    "directory_swap": OWN_NAMES + "; what a backup names is staged as a place",
    "state_journal": OWN_NAMES,
    "transaction": "no path: a change of the index",
    "state_layout": "names that `key_paths` encoded, one to one",
    "store": "no path: documents are opened by their keys",
}
"""Modules that open, rename or remove by a path, and why no name from outside reaches them unchecked.
A module is named without its folders, since its name is unique."""


def path_calls(tree: ast.Module) -> Iterator[str]:
    """The calls of a module that take a path."""
    has_paths = any(isinstance(node, ast.ImportFrom) and node.module == "pathlib" for node in ast.walk(tree))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        match node.func:
            case ast.Name(id="open"):
                yield "open"
            case ast.Attribute(value=ast.Name(id=module), attr=name) if name in CALLS.get(module, ()):
                yield f"{module}.{name}"
            case ast.Attribute(value=ast.Name(id="os" | "io" | "self")):
                continue
            case ast.Attribute(attr=name) if has_paths and name in METHODS:
                yield f".{name}"
            case ast.Attribute(attr="replace") if has_paths and len(node.args) == 1 and not node.keywords:
                yield ".replace"


def found_calls() -> dict[str, list[str]]:
    found = {}
    for path in sorted((*(ROOT / "bus").rglob("*.py"), *(ROOT / "actors").rglob("*.py"))):
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith(MAKES_PLACES):
            found[name] = list(path_calls(ast.parse(path.read_text(encoding="utf-8"))))
    return found


def stem(name: str) -> str:
    return Path(name).stem


def test_paths_are_opened_renamed_and_removed_where_a_reason_is_given() -> None:
    unexplained = {
        name: calls for name, calls in found_calls().items() if calls and stem(name) not in ALLOWED
    }
    assert unexplained == {}, "take a place of actors.shared.places, or give the reason why a path is safe"


def test_no_reason_is_left_over() -> None:
    left_over = {*ALLOWED} - {stem(name) for name, calls in found_calls().items() if calls}
    assert left_over == set()


def test_where_names_from_outside_arrive_nothing_is_written_by_a_path() -> None:
    arriving = [name for name, calls in found_calls().items() if calls and name.startswith(TAKES_NAMES)]
    assert {ALLOWED[stem(name)] for name in arriving} <= {
        "the file of a `file:` URL; reads only",
        "the manifest of the profile; reads only",
        "two places at once, each by descriptor and name",
    }


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.unlink(name)",
        "open(name)",
        "import shutil\nshutil.rmtree(name)",
        "from pathlib import Path\nPath(name).write_bytes(b'')",
        "from pathlib import Path\n(root / name).replace(other)",
    ],
)
def test_each_way_to_use_a_path_is_seen(source: str) -> None:
    assert list(path_calls(ast.parse(source)))


def test_a_text_that_is_replaced_is_no_path() -> None:
    assert list(path_calls(ast.parse("from pathlib import Path\ntext.replace('a', 'b')"))) == []
