"""Code blocks are found as they stand, with what is said about running them."""

from __future__ import annotations

from tests.support.doc_blocks import blocks_of, inline_commands

PAGE = """\
# A page

<!-- not run: it needs the moon -->
```console
$ undercroft up      # in the foreground
ready
$ undercroft down
```

```python
# src/greeter.py
print("hello")
```

<!-- exit 1 -->

```
plain text
```

Try `undercroft status --json`, or `undercroft logs -f`.
"""


def test_each_block_has_its_language_its_text_and_its_place() -> None:
    console, python, text = blocks_of("docs/a.md", PAGE)
    assert (console.line, console.language, console.why_not) == (4, "console", "it needs the moon")
    assert console.commands == ["undercroft up", "undercroft down"]
    assert (python.file, python.why_not, python.exit_code) == ("src/greeter.py", "", 0)
    assert (text.language, text.text, text.exit_code) == ("", "plain text\n", 1)


def test_a_comment_counts_for_the_next_block_only() -> None:
    first, second = blocks_of("p", "<!-- until interrupted -->\n```sh\na\n```\n\n```sh\nb\n```\n")
    assert first.is_endless
    assert not second.is_endless


def test_a_comment_is_forgotten_when_text_follows_it() -> None:
    (block,) = blocks_of("p", "<!-- not run: no -->\nBut this is:\n```sh\na\n```\n")
    assert block.why_not == ""


def test_commands_in_the_text_are_found_and_those_in_blocks_are_not() -> None:
    assert list(inline_commands(PAGE)) == ["undercroft status --json", "undercroft logs -f"]
