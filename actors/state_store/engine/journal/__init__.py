"""How writes become durable: the journal in front of the files, and what replays and tidies it.

`transaction.py` prepares and commits, `state_journal.py` is the file format and its one writer.
`journal_replay.py` finishes after a crash what was acknowledged, `checkpointer.py` removes segments once the
files are synced.
"""
