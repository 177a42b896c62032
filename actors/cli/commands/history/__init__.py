"""`undercroft history`: query and tail, export, and what removes entries."""
