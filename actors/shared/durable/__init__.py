"""Durable files, paths and locks: shared by the actors, knows none of them."""
