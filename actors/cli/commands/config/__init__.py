"""`undercroft config`: reads and changes settings while the app runs.

`config_group.py` has the group with `list`, `get`, `set` and `reset`; each other subcommand has a module.
They share `config_change.py`, which sends a request and shows what it changed. The package owns no file: it
asks
the actor `config_store` for everything, and a change takes one connection and one request.
"""
