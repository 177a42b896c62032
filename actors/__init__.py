"""The processes of Undercroft, one package each, and what they share."""
