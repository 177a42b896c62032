"""Keeps secrets in the keychain of the system, or in a file where there is none.

It holds the key-encryption key of a home, tokens for model sources, and secrets of settings. It owns the
entries under the service `undercroft` in the keychain of the system; secrets of settings lie under a service
of their own for each app.

It promises that nothing falls back to a file by itself, that a backend that keeps no secret is refused, and
that a keychain that hangs costs its caller a timeout and nobody else anything.

Read `keychain` first: the interface, and how it fails. `system_keychain` and `file_keychain` are its kinds,
`keychain_choice` picks one, `keychain_worker` adds a timeout.
"""
