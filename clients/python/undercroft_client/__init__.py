"""A thin client for an Undercroft runtime."""
