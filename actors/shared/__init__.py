"""What stands below the actors and knows none of them.

Everything here is a library: it owns no process and subscribes to nothing. An actor, the runtime and the
command line may import any of it; nothing here imports them.

    durable/      files that survive a crash: replacement, locks, bounded reads, quarantine
    crypto/       the envelope of stored values and the cipher inside it
    keys/         the keys of a home: keychain, key file, rotation, recovery code
    audit/        the chained log of who read or wrote what
    locations/    where each kind of file lies
    manifest/     which models there are, and what their files promise
    credentials/  tokens for model sources, each bound to one origin
    profile/      what an app declares
    context.py    what an actor is built from

Read `context.py` first, then `durable/durable_write.py`.
"""
