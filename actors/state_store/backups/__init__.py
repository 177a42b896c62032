"""Backups of a store: made, verified, kept or let go, restored, carried to another machine; and the check of everything."""
