"""One module a subcommand, named like it; groups with more than one module have a package.

`actors.cli.main` imports the one that is called, so that each starts fast.
"""
