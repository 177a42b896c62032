"""The `undercroft` command; one module for each subcommand."""
