"""Finds out the facts of a report: from other actors, from disk, from the keychain and from the system.

`inquiry` makes all inquiries at once, under one deadline. The other modules are what it runs in threads.
Nothing here writes, and no key, token or setting is taken along.
"""
