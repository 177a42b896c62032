"""The files that a backup consists of, and the one file of an export.

A backup is a directory below `backups/auto` or `backups/manual`. Its name is the id (`backup_names.py`). It
holds two files:

    documents.pack   all documents in zstd frames, then the table of contents (`backup_pack.py`)
    backup.json      the manifest, written last: without it there is no backup (`backup_manifest.py`)

An export is one encrypted file, for another machine (`portable_export.py`).

Promises: a later version of Undercroft reads what this one wrote, and this one says so when it cannot read a
later format. Every byte is covered by a digest. Begin with `backup_manifest.py`.
"""
