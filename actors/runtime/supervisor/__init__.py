"""Starts the processes of a profile, keeps them running, and stops them in good order."""
