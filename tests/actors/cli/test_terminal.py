"""What others wrote reaches the terminal as text, whatever it holds; escapes of our own pass."""

from __future__ import annotations

import contextlib
import io
import sys

import click
import pytest

from actors.cli.terminal import (
    Escape,
    TerminalStream,
    cleaned,
    data_writer,
    guarded_output,
    show_parts,
    unguarded,
)

POISON = "a\x1b]0;title\x07\x1b[2Jb\x9b31m\r\x08\x00\x7f\u202egnp\u2066\tc\n"
CLEAN = "a]0;title[2Jb31mgnp\tc\n"
BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


class _Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_print_prompts_errors_and_tracebacks_pass_the_same_place(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), guarded_output():
        print(POISON, end="")
        click.echo(POISON, nl=False)
        sys.stdout.writelines([POISON])
        click.confirm(POISON)
        print(POISON, file=sys.stderr, end="")
        click.echo(POISON, err=True, nl=False)
        click.ClickException(POISON).show()
        sys.excepthook(ValueError, ValueError(POISON), None)
    assert out.getvalue().count("gnp\tc") == 4
    assert err.getvalue().count("gnp\tc") == 4
    for shown in (out.getvalue(), err.getvalue()):
        assert cleaned(shown) == shown


def test_escapes_of_our_own_pass_and_the_text_between_them_is_cleaned() -> None:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        with guarded_output():
            show_parts([Escape.BOLD, POISON, Escape.NORMAL])
        show_parts([Escape.LINE_START, POISON, Escape.CLEAR_LINE], end="")
    assert out.getvalue() == f"\x1b[1m{CLEAN}\x1b[0m\n\r{CLEAN}\x1b[K"


@pytest.mark.parametrize(("beneath", "written"), [(io.StringIO, POISON), (_Tty, CLEAN)])
def test_data_is_exact_for_a_program_and_cleaned_for_a_terminal(
    beneath: type[io.StringIO], written: str
) -> None:
    out = beneath()
    with contextlib.redirect_stdout(out), guarded_output():
        data_writer()(POISON)
    assert out.getvalue() == written


def test_a_console_that_cannot_encode_a_sign_gets_its_number() -> None:
    raw = io.BytesIO()
    stream = TerminalStream(io.TextIOWrapper(raw, encoding="ascii"))
    assert stream.write("grün \udc80") == 6
    stream.flush()
    assert raw.getvalue() == b"gr\\xfcn \\udc80"


def test_the_streams_are_given_back_and_nothing_of_theirs_is_hidden() -> None:
    former = sys.stdout, sys.stderr
    with guarded_output():
        assert unguarded(sys.stdout) is former[0]
        assert sys.stdout.isatty() == former[0].isatty()
        assert (sys.stdout.encoding, sys.stdout.errors) == (former[0].encoding, former[0].errors)
        assert (sys.stdout.writable(), sys.stdout.readable(), sys.stdout.closed) == (True, False, False)
        assert not hasattr(sys.stdout, "buffer")
    assert (sys.stdout, sys.stderr) == former
    with guarded_output():
        sys.stdout = None  # type: ignore[assignment]
    assert sys.stdout is None
    sys.stdout = former[0]
