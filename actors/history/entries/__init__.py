"""Entries, whichever store they are in: their ids, retention, export, and the index over them.

Most modules are pure. `entry_table` is an SQLite database in memory with all entries of a history on disk,
and `entry_index` answers queries over it. `word_search` is the one definition of a hit, for memory and
disk.
"""
