"""Keys that encrypt documents: one key-encryption key in the keychain, data keys wrapped under it in a file."""
