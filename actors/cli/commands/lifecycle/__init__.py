"""`undercroft up`, `down`, `restart` and `status`: the runtime itself."""
