"""One module for each subcommand, with a click command of the same name; larger groups have a package.

`actors.cli.main` imports the one that is called, so that each starts fast. A command therefore imports what
is heavy inside its functions. `lifecycle/` starts and stops the runtime, `inspection/` looks at it,
`storage/` is about what the app keeps, `config/` about settings, `models/` about models, and `history/` about
the history. Read `lifecycle/status.py` first.
"""
