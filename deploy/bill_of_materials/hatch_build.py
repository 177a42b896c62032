"""Puts the bill of materials into each wheel (PEP 770: `<name>.dist-info/sboms/`) and beside it."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent))

from bill_of_materials import read_and_make  # its directory is on the path only now


class BillOfMaterialsHook(BuildHookInterface[Any]):
    """Runs whenever a wheel is built, by whatever command."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the bill of materials, and name it to the builder."""
        if version == "editable":
            return
        name = f"{self.metadata.core.name}.cdx.json"
        path = Path(tempfile.mkdtemp(prefix="bill-")) / name
        path.write_text(read_and_make(Path(self.root)), encoding="utf-8", newline="\n")
        build_data["sbom_files"].append(str(path))

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Put a copy beside the wheel, and clear away."""
        for path in map(Path, build_data["sbom_files"]):
            wheel = Path(artifact_path)
            beside = wheel.with_name(f"{'-'.join(wheel.name.split('-')[:2])}.cdx.json")
            beside.write_bytes(path.read_bytes())
            path.unlink()
            path.parent.rmdir()
