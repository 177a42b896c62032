"""The audit log: who read or wrote which key when, never a value.

`audit_chain.py` is pure and links each line to the one before; `audit_log.py` writes, rotates and verifies
the files.
"""
