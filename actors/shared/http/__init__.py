"""Rules for asking servers that every HTTP client of the house follows. Pure, without a client of its own.

`urls` tells which URLs may be asked and what their origin is. `redirects` decides whether a redirect is
followed; it guards tokens, so no client follows redirects by itself.
"""
