"""The `undercroft` command: starts and stops the runtime, and talks to it over the bus.

`main.py` has the table of subcommands and imports the one that is called; `commands/` has a module for each,
and `views/` shows what happens meanwhile. `connection.py` connects a command to the runtime, `output.py`
prints its answer, `exit_codes.py` turns errors into messages and exit codes, and `options.py` has the options
of all commands. `doctor/` examines a home from outside, and `demo/` is the five-minute tour.

Every command answers in JSON with `--json`, and its exit code means the same everywhere. Read `main.py`
first, then `commands/lifecycle/down.py`, which is short and complete.
"""
