"""`undercroft up`, `down`, `restart` and `status`: start the runtime, stop it, and see how it is.

Read `up.py` first: it starts a supervisor in the foreground, or in the background with `--detach`.
"""
