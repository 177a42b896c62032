"""The key-value engine: opened once, written by one thread at a time, read by any.

A write goes through `committer.py` and `transaction.py` into `state_journal.py`, is durable there with one
sync for all who wait, and is then put in its place. `journal_replay.py` finishes after a crash what the
journal
promises. Read `store.py` first.
"""
