"""The software bill of materials of the wheel: CycloneDX 1.5, from the lock file. Pure, but for `main`.

    python deploy/bill_of_materials/bill_of_materials.py > undercroft.cdx.json

It lists what the wheel needs to run, directly or not, in the versions that the tests ran with: names,
versions, digests of every file that an index offers, licences, package URLs, and who needs whom. It names no
time and no machine, so the same lock file gives the same bytes. Standard library only: it runs while the
wheel is built.
"""

from __future__ import annotations

import json
import re
import tomllib
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
LICENCES: Final = Path(__file__).parent / "licences.json"
SPEC_VERSION: Final = "1.5"
NAMESPACE: Final = uuid.UUID("6f1d2f0e-6a43-5c0b-9d0e-4b7f0c1f3a55")
"""Of the serial numbers, which follow from the content (UUID version 5)."""

Package = Mapping[str, Any]


def bill_of_materials(
    project: Mapping[str, Any], lock: Mapping[str, Any], licences: Mapping[str, str]
) -> dict[str, Any]:
    """The bill of materials of a project.

    Args:
        project: the table `[project]` of its pyproject.toml.
        lock: the content of its uv.lock.
        licences: SPDX expression of each package, by its normalized name.

    Raises:
        KeyError: the lock file does not list a package that another one needs.
    """
    packages = {package["name"]: package for package in lock["package"]}
    root = packages[normalized(project["name"])]
    required = closure(packages, root.get("dependencies", []))
    wanted = [entry for extra in root.get("optional-dependencies", {}).values() for entry in extra]
    optional = closure(packages, wanted) - required
    names = sorted(required | optional)
    document: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "version": 1,
        "metadata": {"component": _main_component(project)},
        "components": [
            _component(packages[name], licences.get(name, ""), is_optional=name in optional) for name in names
        ],
        "dependencies": [
            {
                "ref": _purl(project["name"], project["version"]),
                "dependsOn": _refs(packages, _needed(root, names)),
            },
            *(
                {"ref": _ref(packages[name]), "dependsOn": _refs(packages, _needed(packages[name], names))}
                for name in names
            ),
        ],
    }
    content = json.dumps(document, sort_keys=True)
    document["serialNumber"] = f"urn:uuid:{uuid.uuid5(NAMESPACE, content)}"
    return document


def closure(packages: Mapping[str, Package], wanted: Iterable[Package]) -> set[str]:
    """The names of all packages that these need, directly or not, with themselves; on any platform."""
    found: set[str] = set()
    todo = list(wanted)
    while todo:
        entry = todo.pop()
        package = packages[entry["name"]]
        todo += [
            needed
            for extra in entry.get("extra", [])
            for needed in package.get("optional-dependencies", {}).get(extra, [])
        ]
        if entry["name"] not in found:
            found.add(entry["name"])
            todo += package.get("dependencies", [])
    return found


def normalized(name: str) -> str:
    """The name of a package as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _main_component(project: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "application",
        "bom-ref": _purl(project["name"], project["version"]),
        "name": project["name"],
        "version": project["version"],
        "description": project["description"],
        "licenses": [{"expression": project["license"]}],
        "purl": _purl(project["name"], project["version"]),
    }


def _component(package: Package, licence: str, *, is_optional: bool) -> dict[str, Any]:
    files = [*([package["sdist"]] if "sdist" in package else []), *package.get("wheels", [])]
    found: dict[str, Any] = {
        "type": "library",
        "bom-ref": _ref(package),
        "name": package["name"],
        "version": package["version"],
        "scope": "optional" if is_optional else "required",
        "purl": _ref(package),
    }
    if licence:
        found["licenses"] = [{"expression": licence}]
    found["externalReferences"] = [
        {
            "type": "distribution",
            "url": file["url"],
            "hashes": [{"alg": "SHA-256", "content": file["hash"].removeprefix("sha256:")}],
        }
        for file in files
    ]
    return found


def _needed(package: Package, listed: Iterable[str]) -> list[Package]:
    """What a package needs of those that are listed; others belong to extras that nobody asks for."""
    optional = package.get("optional-dependencies", {}).values()
    needed = [*package.get("dependencies", []), *(entry for extra in optional for entry in extra)]
    return [entry for entry in needed if entry["name"] in listed]


def _refs(packages: Mapping[str, Package], entries: Iterable[Package]) -> list[str]:
    return sorted({_ref(packages[entry["name"]]) for entry in entries})


def _ref(package: Package) -> str:
    return _purl(package["name"], package["version"])


def _purl(name: str, version: str) -> str:
    return f"pkg:pypi/{normalized(name)}@{version}"


def read_and_make(root: Path = ROOT) -> str:
    """The bill of materials of this repository, as JSON."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lock = tomllib.loads((root / "uv.lock").read_text(encoding="utf-8"))
    licences = json.loads(LICENCES.read_text(encoding="utf-8"))
    return json.dumps(bill_of_materials(project, lock, licences), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    print(read_and_make(), end="")  # noqa: T201
