"""What the downloader knows of its models, without asking the disk again.

`model_registry` keeps every entry of the manifest, the last report of each install, and what the last look
found on disk. `model_status` derives from that the status that everybody sees; it is pure. `model_on_disk` is
one such look. `model_leases` says who holds a model, and lets a change wait for the holders; its
`lease_book` is pure.

Owns `.undercroft.leases.json` in the directory of the models.

Promises: a status is computed from memory, so that a list of models touches no disk. A lease that was given
is on disk, and outlives a crash of the downloader.

Read `model_status` first.
"""
