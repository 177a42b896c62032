"""What `make dist` builds: installed anew, it makes an app from nothing in three commands."""

from __future__ import annotations

import email
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.conftest import find_node, why_no_node

ROOT = Path(__file__).parents[2]
JS = ROOT / "clients" / "js"
UV = ROOT / ".tools" / "bin" / "uv"
LIMIT_SECONDS = 200.0
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="programs of an environment lie elsewhere"),
]
NODE = pytest.mark.skipif(bool(why_no_node()), reason=why_no_node() or "")
LINKS = ("](../", "](./")
ESM = 'import { connect } from "undercroft-client";\nawait ask(connect);\n'
CJS = 'ask(require("undercroft-client").connect);\n'
ASK = """
async function ask(connect) {
  const client = await connect({ name: "probe" });
  console.log((await client.request({ type: "myapp.greet", name: "node" })).words);
  await client.close();
}
"""


def run(
    *words: str | Path, cwd: Path, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done


def node_environment() -> dict[str, str]:
    node = find_node()
    path = f"{Path(node).parent}{os.pathsep}{os.environ['PATH']}" if node else os.environ["PATH"]
    return {**os.environ, "PATH": path}


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The distributions that UNDERCROFT_DIST names, else fresh ones."""
    if given := os.environ.get("UNDERCROFT_DIST"):
        return Path(given).absolute()
    directory = tmp_path_factory.mktemp("dist")
    for source in (ROOT, ROOT / "clients" / "python"):
        run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", directory, cwd=source)
    if not why_no_node():
        copy = directory / "js"
        shutil.copytree(JS, copy, ignore=shutil.ignore_patterns("cjs"), symlinks=True)
        run("npm", "run", "build", cwd=copy, environment=node_environment())
        run("npm", "pack", "--pack-destination", directory, cwd=copy, environment=node_environment())
    return directory


@pytest.fixture(scope="module")
def programs(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of programs of a fresh environment with both wheels."""
    directory = tmp_path_factory.mktemp("fresh") / "environment"
    wheels = sorted(dist.glob("*.whl"))
    if UV.is_file():
        run(UV, "venv", "--quiet", "--python", sys.executable, directory, cwd=dist)
        run(UV, "pip", "install", "--quiet", "--python", directory / "bin" / "python", *wheels, cwd=dist)
    else:
        run(sys.executable, "-m", "venv", directory, cwd=dist)
        run(directory / "bin" / "python", "-m", "pip", "install", "--quiet", *wheels, cwd=dist)
    return directory / "bin"


@pytest.fixture(scope="module")
def environment(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Of a person who has never used it: an empty home, and nothing of this repository."""
    home = tmp_path_factory.mktemp("person")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("UNDERCROFT", "XDG"))}
    path = f"{programs}{os.pathsep}{node_environment()['PATH']}"
    return {**kept, "PATH": path, "HOME": str(home), "PYTHONPATH": "", "UNDERCROFT_OFFLINE": "1"}


@pytest.fixture(scope="module")
def empty_directory(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    directory = tmp_path_factory.mktemp("empty")
    yield directory
    subprocess.run(
        ["undercroft", "down"], env=environment, cwd=directory, capture_output=True, timeout=60, check=False
    )


@pytest.fixture(scope="module")
def running(empty_directory: Path, environment: dict[str, str]) -> Path:
    """An app from nothing: three commands."""
    for command in (
        "undercroft init myapp",
        "undercroft up --detach --profile myapp",
        "undercroft config set greeting.language de",
    ):
        run(*command.split(), cwd=empty_directory, environment=environment)
    return empty_directory / "myapp"


@pytest.mark.requirement("C-7")
def test_three_commands_lead_from_an_empty_directory_to_a_running_app(
    running: Path, environment: dict[str, str]
) -> None:
    status = json.loads(run("undercroft", "status", "--json", cwd=running, environment=environment).stdout)
    assert {actor["state"] for actor in status["actors"]} == {"ready"}
    assert {actor["actor"] for actor in status["actors"]} >= {"config_store", "greeter", "tray"}
    asked = run("undercroft", "call", "myapp.greet", '{"name": "you"}', cwd=running, environment=environment)
    assert json.loads(asked.stdout)["words"] == "hallo you"
    assert "no mistakes" in run("undercroft", "check", ".", cwd=running, environment=environment).stdout
    topics = run("undercroft", "topics", "myapp.*", cwd=running, environment=environment).stdout
    assert "myapp.greet " in topics
    version = run("undercroft", "--version", cwd=running, environment=environment).stdout
    assert version.startswith("undercroft ")


def test_its_sidecar_in_python_has_its_client(running: Path, environment: dict[str, str]) -> None:
    logs = run("undercroft", "logs", "tray", cwd=running, environment=environment).stdout
    assert "tray listens" in logs


@NODE
@pytest.mark.node
def test_the_package_for_node_is_imported_and_required(
    dist: Path, running: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    (package,) = dist.glob("*.tgz")
    (tmp_path / "package.json").write_text('{"private": true}')
    run("npm", "install", "--no-audit", "--no-fund", package, cwd=tmp_path, environment=environment)
    (tmp_path / "probe.mjs").write_text(ESM + ASK)
    (tmp_path / "probe.cjs").write_text(CJS + ASK)
    for file in ("probe.mjs", "probe.cjs"):
        assert run("node", file, cwd=tmp_path, environment=environment).stdout == "hallo node\n"
    types = tmp_path / "node_modules" / "undercroft-client"
    assert '"./events.cjs"' in (types / "cjs" / "index.d.cts").read_text(encoding="utf-8")


@NODE
@pytest.mark.node
def test_the_package_for_node_is_complete(dist: Path) -> None:
    (package,) = dist.glob("*.tgz")
    with tarfile.open(package) as archive:
        names = {name.removeprefix("package/") for name in archive.getnames()}
        document = archive.extractfile("package/README.md")
        assert document is not None
        page = document.read().decode()
    assert {"LICENSE", "README.md", "index.js", "index.d.ts", "cjs/index.cjs", "cjs/events.d.cts"} <= names
    assert not [link for link in LINKS if link in page]


@pytest.mark.parametrize("name", ["undercroft", "undercroft_client"])
def test_a_wheel_is_complete(name: str, dist: Path) -> None:
    (wheel,) = dist.glob(f"{name}-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (file,) = (one for one in names if one.endswith("METADATA"))
        metadata = email.message_from_bytes(archive.read(file))
    assert any(one.endswith("licenses/LICENSE") for one in names)
    assert any(one.endswith("py.typed") for one in names)
    assert metadata["License-Expression"] == "Apache-2.0"
    if name == "undercroft_client":
        assert metadata["Keywords"]
        assert "Typing :: Typed" in metadata.get_all("Classifier", [])
        assert not [link for link in LINKS if link in str(metadata.get_payload())]


def test_the_client_knows_its_version(programs: Path, dist: Path) -> None:
    words = "import undercroft_client; print(undercroft_client.__version__)"
    version = run(programs / "python", "-P", "-c", words, cwd=dist).stdout.strip()
    assert list(dist.glob(f"undercroft_client-{version}-*.whl"))
