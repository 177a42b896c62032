"""Checks of what Undercroft runs on: machine, disks, clock, keychain, and the limits of a process."""
