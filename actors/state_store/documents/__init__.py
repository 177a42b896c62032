"""Typed documents on top of the engine: one type, one file, whole values only.

`document_types.py` turns values into instances that nobody can change, `document_cache.py` keeps what was
read, `document_repair.py` finds the best copy of a damaged one.
"""
