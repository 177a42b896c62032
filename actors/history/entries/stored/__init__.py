"""Entries as they lie in the segments, whichever version wrote them: what fits, and what does not. Pure."""
