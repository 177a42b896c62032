"""`undercroft models`: installs, the life of installed models, and where models come from."""
