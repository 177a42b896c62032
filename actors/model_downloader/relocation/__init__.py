"""The models directory as a place: owning it, missing it, and moving it elsewhere.

`models_directory.py` holds the lock and notices an absent drive; `relocation.py` carries everything to
another directory, verified, through any crash.
"""
