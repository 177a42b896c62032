"""The keys that encrypt documents: made once, unlocked through a keychain, rotated, and restored with a code.

One key-encryption key lies in the keychain of the system. The data keys lie in `<state>/keys/keys.json`,
wrapped under it, with a copy in `keys.copy.json`. A recovery code opens the key-encryption key as well.

The package owns `<state>/keys/` except for the head of the audit log, and the entry of its key in the
keychain. It promises that no key is made while a file of keys, a damaged one, or an encrypted document lies
there, that data keys are never removed, and that a crash at any step leaves keys that open everything.

Read `key_ring` first: it is what users of keys call; `key_source` is what they need of it. `key_rules` is
pure and decides when keys may be made and when they are locked. `key_store` is the disk and the keychain
together, `key_file` the file. `key_wrap` encrypts keys under keys, `recovery_code` is the code on paper,
`key_report` puts the state into words. Keychains are in `actors.shared.keychain`. docs/keys.md is for users.
"""
