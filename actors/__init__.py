"""The processes of Undercroft, one package each, and three packages that are none.

A package is an actor exactly if it has a `build`: the supervisor imports it by name from a profile, in a
process of its own. No actor imports another; they share nothing but events.

    config_store      the one live configuration: changes at once, told, durable, answered
    locations         where each kind of file lies, and what a person chose
    model_sources     names to entries, added models, signed manifests: the catalogue
    model_downloader  the models directory: installs, updates, leases, moves
    model_verifier    whether files keep what a manifest promised
    readiness         one snapshot of what the app can be used for
    state_store       keys, typed documents, backups
    history           what was said, in memory or encrypted on disk
    diagnostics       the log ring, and reports that name the cause first

    shared            libraries below the actors
    runtime           what starts and supervises them
    cli               the `undercroft` command

Read `actors/shared/context.py` for what an actor is built from, then an actor's `__init__`.
"""
