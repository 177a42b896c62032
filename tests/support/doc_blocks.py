"""The code blocks of a Markdown page, with what a comment in front of one says about running it. Pure.

A block runs as it stands. Where that cannot be, a comment on the line before says why:

    <!-- not run: it needs the model hub -->

Two comments say how a block ends: `<!-- until interrupted -->` for what follows until Ctrl-C, and
`<!-- exit 1 -->` for commands that end with another code than 0. `<!-- file: models.json -->` names the file
of a block whose language has no comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

FENCE = re.compile(r"^```(\w*)\s*$")
COMMENT = re.compile(r"^<!--\s*(.*?)\s*-->$")
FILE = re.compile(r"^(?:#|//) ([\w./-]+\.\w+)$")
PROMPT = "$ "


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        page: path of the page, from the top of the repository.
        line: number of its first fence, from 1.
        language: what follows the fence; empty for text.
        text: between the fences.
        comment: the HTML comment in front of it; empty for none.
    """

    page: str
    line: int
    language: str
    text: str
    comment: str = ""

    @property
    def why_not(self) -> str:
        """Why it is not run; empty if it is."""
        return self.comment.removeprefix("not run:").strip() if self.comment.startswith("not run:") else ""

    @property
    def is_endless(self) -> bool:
        """Whether its commands go on until they are interrupted."""
        return self.comment == "until interrupted"

    @property
    def exit_code(self) -> int:
        """With which code its commands end."""
        return int(self.comment.removeprefix("exit ")) if self.comment.startswith("exit ") else 0

    @property
    def file(self) -> str:
        """The file that the block is, by a comment in its first line (`# greeter.py`) or in front of it."""
        if self.comment.startswith("file:"):
            return self.comment.removeprefix("file:").strip()
        found = FILE.match(self.text.partition("\n")[0])
        return found[1] if found else ""

    @property
    def commands(self) -> list[str]:
        """What follows each prompt, without what is said about it."""
        lines = (line for line in self.text.splitlines() if line.startswith(PROMPT))
        return [re.sub(r"\s{2,}# .*$", "", line.removeprefix(PROMPT)).strip() for line in lines]


def blocks_of(page: str, source: str) -> Iterator[Block]:
    """All fenced blocks of a page, in order; those inside lists as well, without their indentation."""
    comment, start, language, body = "", 0, "", list[str]()
    for number, line in enumerate(source.splitlines(), 1):
        fence = FENCE.match(line.strip())
        if start and fence and not fence[1]:
            yield Block(page, start, language, "\n".join(body) + "\n", comment)
            start, comment = 0, ""
        elif start:
            body.append(line)
        elif fence:
            start, language, body = number, fence[1], []
        elif found := COMMENT.match(line.strip()):
            comment = found[1]
        elif line.strip():
            comment = ""


def inline_commands(source: str) -> Iterator[str]:
    """Commands of `undercroft` that stand in the text, in backquotes: `undercroft status --json`."""
    text = re.sub(r"^```.*?^```", "", source, flags=re.DOTALL | re.MULTILINE)
    yield from re.findall(r"`(undercroft [^`\n]+)`", text)
