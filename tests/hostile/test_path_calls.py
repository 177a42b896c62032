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
    "bus/discovery.py": SYSTEM,
    "bus/own_places.py": HOME,
    "bus/transport/sockets/descriptors.py": DEVICE,
    "bus/transport/sockets/listener.py": HOME,
    "actors/cli/background_start.py": DEVICE,
    "actors/cli/commands/config/config_edit.py": "a temporary directory of its own",
    "actors/cli/commands/config/config_transfer.py": NAMED,
    "actors/cli/commands/history/history_export.py": NAMED + "; only a new file is written",
    "actors/cli/commands/inspection/contract.py": NAMED + ", in a checkout of the source",
    "actors/cli/commands/development/init.py": NAMED + "; only new files are written",
    "actors/cli/demo/origin_content.py": "a temporary directory of its own",
    "actors/cli/demo/tour_models.py": "a temporary directory of its own",
    "actors/cli/demo/tour_run.py": "a temporary directory of its own",
    "actors/cli/demo/visibility_probe.py": "a temporary directory of its own",
    "actors/cli/doctor/checks/database_check.py": "reads only",
    "actors/cli/doctor/repairs.py": "what a finding named and a person agreed to; links are left alone",
    "actors/cli/standard_streams.py": DEVICE,
    "actors/cli/views/up_view.py": DEVICE,
    "actors/config_store/files/setting_migrations.py": HOME,
    "actors/diagnostics/evidence/disk_evidence.py": "reads only",
    "actors/diagnostics/evidence/system_facts.py": SYSTEM,
    "actors/diagnostics/logs/log_files.py": HOME + ", or that a person chose for logs",
    "actors/history/history_home.py": HOME,
    "actors/history/segments/anchor_files.py": HOME,
    "actors/history/segments/segment_files.py": OWN_NAMES,
    "actors/history/segments/segment_writer.py": OWN_NAMES,
    "actors/model_downloader/transfer/file_source.py": "the file of a `file:` URL; reads only",
    "actors/model_downloader/relocation/tree_copy.py": "two places at once, each by descriptor and name",
    "actors/model_sources/sources/local_files.py": "the file of a `file:` URL; reads only",
    "actors/runtime/child_main.py": DEVICE,
    "actors/runtime/supervisor/host/broker_endpoints.py": HOME,
    "actors/runtime/supervisor/host/home/home_holder.py": HOME,
    "actors/runtime/supervisor/host/home/home_lock.py": HOME,
    "actors/runtime/supervisor/host/home/home_watch.py": HOME,
    "actors/runtime/supervisor/host/home/runtime_file.py": HOME,
    "actors/runtime/supervisor/processes/descendants/child_groups.py": SYSTEM,
    "actors/runtime/supervisor/processes/descendants/process_tree.py": SYSTEM,
    "actors/runtime/supervisor/processes/forked_child.py": DEVICE,
    "actors/runtime/supervisor/processes/oom_watch.py": SYSTEM,
    "actors/shared/audit/audit_log.py": OWN_NAMES,
    "actors/shared/crash_files.py": OWN_NAMES,
    "actors/shared/keys/key_store.py": HOME,
    "actors/shared/locations/locations.py": HOME,
    "actors/shared/manifest/manifest_reader.py": "the manifest of the profile; reads only",
    "actors/shared/sdk/running_actor.py": "the temporary directory of a test",
    "actors/state_store/audit_notes.py": "no path: the log is opened",
    "actors/state_store/backups/backup_transfer.py": NAMED + "; only a new file is written",
    "actors/state_store/backups/format/backup_pack.py": OWN_NAMES,
    "actors/state_store/backups/integrity_check.py": OWN_NAMES,
    "actors/state_store/backups/repository.py": OWN_NAMES + "; ids are parsed first",
    "actors/state_store/backups/restore.py": "no path: the backup is opened by its id",
    "actors/state_store/engine/directory_swap.py": OWN_NAMES + "; what a backup names is staged as a place",
    "actors/state_store/engine/journal/state_journal.py": OWN_NAMES,
    "actors/state_store/engine/journal/transaction.py": "no path: a change of the index",
    "actors/state_store/engine/state_layout.py": "names that `key_paths` encoded, one to one",
    "actors/state_store/engine/store.py": "no path: documents are opened by their keys",
}
"""Modules that open, rename or remove by a path, and why no name from outside reaches them unchecked."""


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


def test_paths_are_opened_renamed_and_removed_where_a_reason_is_given() -> None:
    unexplained = {name: calls for name, calls in found_calls().items() if calls and name not in ALLOWED}
    assert unexplained == {}, "take a place of actors.shared.places, or give the reason why a path is safe"


def test_no_reason_is_left_over() -> None:
    calls = found_calls()
    assert [name for name in ALLOWED if not calls.get(name)] == []


def test_where_names_from_outside_arrive_nothing_is_written_by_a_path() -> None:
    reasons = {name: reason for name, reason in ALLOWED.items() if name.startswith(TAKES_NAMES)}
    assert set(reasons.values()) <= {
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
