"""`undercroft config`: one module a subcommand; `config_change.py` shows what a change did."""
