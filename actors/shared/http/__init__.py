"""Rules for asking servers that every HTTP client of the house follows.

`urls` tells which URLs may be asked and what their origin is. `redirects` decides whether a redirect is
followed; it guards tokens, so no client follows redirects by itself. Both are pure. `answers` reads what
servers say.
"""
