"""The key-value engine: a library that is opened once, written by one thread at a time and read by any.

Owns everything below `<state>/store/` except `backups/`:

    layouts/ settings/ history/ config/ documents/ <namespace>/   one file for each key
    .journal/                                                     intentions that are durable already
    .restore/                                                     a restore that is under way

A write passes through `transaction.py` (checked, written beside its place), `state_journal.py` (durable, with
one sync for many) and `files/state_layout.py` (renamed into place). `checkpointer.py` later makes the files
durable and drops the journal. After a crash, `journal_replay.py` finishes what the journal promises.

Decisions are pure: `write_rules.py`, `namespaces.py`, `key_paths.py`, `value_schemas.py`.

Begin with `store.py`, then `transaction.py`.
"""
