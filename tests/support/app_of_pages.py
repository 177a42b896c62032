"""The app that docs/profiles.md and docs/actors.md show, written out as the pages say it lies."""

from __future__ import annotations

from pathlib import Path

from tests.support.doc_blocks import Block, blocks_of

ROOT = Path(__file__).parents[2]


def page_blocks(page: str) -> list[Block]:
    """All blocks of a page, named from the top of the repository."""
    return list(blocks_of(page, (ROOT / page).read_text(encoding="utf-8")))


def write_app(directory: Path) -> Path:
    """Write every file that the two pages show below a directory; the profile is all TOML blocks in order.

    Where the pages name a package of npm, it is the one of this repository.
    """
    profile = page_blocks("docs/profiles.md")
    for block in (*profile, *page_blocks("docs/actors.md")):
        if block.file:
            path = directory / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
    tables = (block.text for block in profile if block.language == "toml")
    (directory / "profile.toml").write_text("\n".join(tables), encoding="utf-8")
    (directory / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    (directory / "node_modules").mkdir()
    (directory / "node_modules" / "undercroft-client").symlink_to(ROOT / "clients" / "js")
    return directory
