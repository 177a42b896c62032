"""Commands for what the app keeps: state, backup, keys and paths.

`backup` and `keys` work on the files themselves where no runtime is up.
"""
