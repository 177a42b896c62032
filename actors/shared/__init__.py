"""What actors, runtime and command line stand on. It knows none of them.

Everything here is a library: it runs no process and subscribes to nothing. Actors, the runtime and the
command line may import any of it; nothing here imports them.

    durable/        files that survive a crash: replacement, records, locks, bounded reads, quarantine
    crypto/         the envelope of stored values, and the cipher inside it
    keys/           the keys of a home: key file, rotation, recovery code
    keychain/       secrets in the keychain of the system, or in a file
    audit/          the chained log of who read or wrote what
    locations/      where each kind of file lies
    manifest/       which models there are, and what their files promise
    http/           rules for URLs and redirects that every HTTP client follows
    credentials/    tokens for model sources, each bound to one origin
    profile/        what an app declares
    sdk/            what the author of an app's own actor imports
    context.py      what an actor is built from
    crash_files.py  the crash records of a home
    disk_space.py   how much room a disk has left
    text.py         sizes and durations in words
    version.py      the version that runs

Read `context.py` first, then `durable/durable_write.py`.
"""
