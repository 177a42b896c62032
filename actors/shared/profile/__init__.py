"""What an app declares: `profile.toml` and the tables in it.

`profile_tables.py` and `mode_tables.py` hold the tables with their defaults and limits; `profile.py` reads
the directory as a whole and reports what does not fit together.
"""
