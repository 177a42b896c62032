"""Where the code decodes what others wrote, and what bounds it there.

python -m tests.support.decoder_uses prints the table of docs/limits.md.
"""

from __future__ import annotations

import ast
import importlib
from collections import defaultdict
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]

DECODERS: dict[str, str] = {
    "json.loads": "JSON",
    "json.load": "JSON",
    "msgspec.json": "JSON",
    "msgspec.msgpack": "MessagePack",
    "tomllib.loads": "TOML",
    "tomllib.load": "TOML",
    "zipfile.ZipFile": "zip",
    "tarfile.open": "tar",
    "tarfile.TarFile": "tar",
    "bz2": "bzip2",
    "lzma": "LZMA",
    "gzip": "deflate",
    "zlib.decompress": "deflate",
    "zlib.decompressobj": "deflate",
    "zstandard.ZstdDecompressor": "zstd",
    "zstandard.decompress": "zstd",
    "base64.b64decode": "base64",
    "binascii.a2b_base64": "base64",
    "csv.reader": "CSV",
    "csv.DictReader": "CSV",
}
"""What decodes, by the beginning of its name, and what it decodes."""

FORBIDDEN = {
    "pickle", "cPickle", "dill", "marshal", "shelve", "xml", "lxml", "yaml", "plistlib", "PIL", "imghdr",
    "xmlrpc", "eval", "exec", "ast.literal_eval", "load_pem_private_key", "zipimport",
}  # fmt: skip
"""What carries out what it reads, or has no bounds."""

READS = ("decode", "Decoder")

BUS = "bus/wire/limits.py:BODY_LIMIT_BYTES"
ENVELOPE = "actors/shared/crypto/envelope_layout.py:HEADER_LIMIT_BYTES"
OWN = "written by a process of this program, and checked by its tag or as its child"
ARGUMENT = "an argument or variable of the person who runs it; the system limits those"

ARCHIVES = "actors/model_downloader/staging/archives"
LETTER = "actors/runtime/supervisor/processes/fork_letters.py:LETTER_LIMIT_BYTES"
KEY_FILE = "actors/shared/keys/key_file.py:LIMITS"
SCHEMAS = "actors/state_store/engine/values/value_schemas.py:SCHEMA_FILE_LIMIT_BYTES"
MANIFEST = "actors/shared/manifest/manifest_reader.py:MANIFEST_LIMIT_BYTES"
LINE = "actors/history/segments/segment_lines.py:LINE_LIMIT_BYTES"
EVIDENCE = "actors/diagnostics/evidence/disk_evidence.py:TEXT_LIMIT_BYTES"
RECORD = "actors/shared/durable/bounded_read.py:SIZE_LIMIT_BYTES"
ANSWER = "actors/model_sources/sources/hub_repository.py:ANSWER_LIMIT_BYTES"

USES: dict[str, str] = {
    "actors/cli/commands/config/config_group.py": ARGUMENT,
    "actors/cli/commands/storage/state.py": ":INPUT_LIMIT",
    "actors/cli/commands/lifecycle/up.py": OWN,
    "actors/cli/demo/tour_script.py": OWN,
    "actors/cli/doctor/checks/model_check.py": ":RECORD_LIMIT_BYTES",
    "actors/cli/output.py": OWN,
    "actors/cli/profile_check/judging_process.py": OWN,
    "actors/cli/profile_check/model_mistakes.py": MANIFEST,
    "actors/cli/topics/app_topics.py": OWN,
    "actors/cli/topics/json_event.py": ARGUMENT,
    "actors/config_store/settings/setting_variables.py": ARGUMENT,
    "actors/diagnostics/report/report_archive.py": OWN,
    "actors/diagnostics/report/report_files.py": EVIDENCE,
    "actors/history/entries/stored/stored_entry.py": LINE,
    "actors/history/segments/segment.py": ":HEADER_LIMIT_BYTES",
    "actors/history/segments/segment_catalog.py": ":CATALOG_LIMIT_BYTES",
    "actors/history/segments/segment_lines.py": ":LINE_LIMIT_BYTES",
    f"{ARCHIVES}/archive.py": f"{ARCHIVES}/packed_stream.py:MEMORY_LIMIT_BYTES",
    "actors/model_downloader/staging/archives/archive_reader.py": ":HEADERS_LIMIT_BYTES",
    "actors/model_downloader/staging/archives/packed_stream.py": ":MEMORY_LIMIT_BYTES",
    "actors/model_downloader/staging/archives/zip_members.py": ":DIRECTORY_LIMIT_BYTES",
    "actors/model_sources/list_store.py": ":LIMIT_BYTES",
    "actors/runtime/supervisor/host/environment_credentials.py": ARGUMENT,
    "actors/runtime/supervisor/processes/fork_server.py": LETTER,
    "actors/runtime/supervisor/processes/fork_spawner.py": LETTER,
    "actors/runtime/supervisor/processes/warmup.py": BUS,
    "actors/runtime/supervisor/reports/bus_service.py": BUS,
    "actors/shared/audit/audit_chain.py": ":LINE_LIMIT_BYTES",
    "actors/shared/audit/audit_files.py": ":HEAD_LIMIT_BYTES",
    "actors/shared/crypto/content_codec.py": ":WINDOW_LIMIT_BYTES",
    "actors/shared/crypto/envelope_layout.py": ENVELOPE,
    "actors/shared/durable/record_file.py": RECORD,
    "actors/shared/durable/strict_json.py": ":SIZE_LIMIT_BYTES",
    "actors/shared/durable/strict_toml.py": ":SIZE_LIMIT_BYTES",
    "actors/shared/http/answers/json_answers.py": ANSWER,
    "actors/shared/keys/key_ring.py": KEY_FILE,
    "actors/shared/keys/key_wrap.py": KEY_FILE,
    "actors/shared/manifest/manifest_signature.py": ":ENVELOPE_LIMIT_BYTES",
    "actors/state_store/backups/format/backup_manifest.py": ":CONTENTS_LIMIT_BYTES",
    "actors/state_store/backups/format/portable_export.py": ":RECORD_LIMIT_BYTES",
    "actors/state_store/documents/document_types.py": SCHEMAS,
    "actors/state_store/engine/files/directory_swap.py": ":INTENT_LIMIT_BYTES",
    "actors/state_store/engine/files/state_layout.py": ENVELOPE,
    "actors/state_store/engine/journal/state_journal.py": ":RECORD_LIMIT_BYTES",
    "actors/state_store/engine/values/value_schemas.py": ":SCHEMA_FILE_LIMIT_BYTES",
    "bus/actor_loop.py": BUS,
    "bus/discovery.py": ":RUNTIME_LIMIT_BYTES",
    "bus/lifeline.py": ":MESSAGE_LIMIT_BYTES",
    "bus/peer/feed/past_events.py": BUS,
    "bus/peer/feed/topic_decoders.py": BUS,
    "bus/peer/peer.py": BUS,
    "bus/wire/bodies.py": "bus/wire/limits.py:EVENT_COUNT_LIMIT",
    "bus/wire/frames.py": "bus/wire/limits.py:HEADER_LIMIT_BYTES",
    "bus/wire/readable_values.py": ":DEPTH_LIMIT",
    "actors/cli/commands/development/run_actor.py": ARGUMENT,
}
"""Each module that decodes, and the constant that bounds it (`:NAME` of its own), or why nothing has to."""


def _name(node: ast.AST) -> str:
    return ast.unparse(node) if isinstance(node, ast.Attribute | ast.Name) else ""


def _kind(name: str) -> str | None:
    for decoder, kind in DECODERS.items():
        if name == decoder or name.startswith(f"{decoder}."):
            is_msgspec = decoder.startswith("msgspec.")
            if not is_msgspec or name.removeprefix(f"{decoder}.").split(".")[0] in READS:
                return kind
    return None


@cache
def found_uses() -> dict[str, set[str]]:
    """What each module decodes."""
    found: dict[str, set[str]] = defaultdict(set)
    for top in ("actors", "bus", "schemas"):
        for path in sorted((ROOT / top).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Attribute) and (kind := _kind(_name(node))):
                    found[path.relative_to(ROOT).as_posix()].add(kind)
    return dict(found)


def forbidden_uses() -> list[str]:
    """Where something is used that nobody may use."""
    found = []
    for top in ("actors", "bus", "schemas", "clients/python"):
        for path in sorted((ROOT / top).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names: list[str] = []
                if isinstance(node, ast.Import):
                    names = [alias.name.split(".")[0] for alias in node.names]
                elif isinstance(node, ast.ImportFrom):
                    names = [(node.module or "").split(".")[0], *(alias.name for alias in node.names)]
                elif isinstance(node, ast.Call):
                    names = [_name(node.func)]
                found += [f"{path.relative_to(ROOT)}: {name}" for name in names if name in FORBIDDEN]
    return found


def limit_of(path: str) -> str:
    """What bounds the decoders of a module: `path.py:NAME`, or why nothing has to."""
    limit = USES[path]
    return f"{path}{limit}" if limit.startswith(":") else limit


def value_of(limit: str) -> str:
    """The value of a constant, such as `path.py:NAME`, as the page shows it."""
    path, name = limit.split(":")
    found = getattr(importlib.import_module(path.removesuffix(".py").replace("/", ".")), name)
    size = getattr(found, "content_bytes", found)
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= factor and size % factor == 0 and "DEPTH" not in name and "COUNT" not in name:
            return f"{size // factor} {unit}"
    return f"{size:,}"


def table() -> str:
    """The table of docs/limits.md."""
    lines = ["| module | reads | at most |", "|---|---|---|"]
    for path, kinds in sorted(found_uses().items()):
        limit = limit_of(path)
        bound = f"`{limit.split(':')[1]}`, {value_of(limit)}" if ".py:" in limit else limit
        lines.append(f"| `{path}` | {', '.join(sorted(kinds))} | {bound} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(table(), end="")
