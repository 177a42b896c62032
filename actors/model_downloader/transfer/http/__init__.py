"""HTTP for model files: client, connections, and what an answer means for a file that is partly there.

`http_client` asks for a URL: it keeps connections, follows redirects by the one rule of
`actors.shared.http`, and hands out the body as the socket gives it. `http_connection` makes one connection,
direct or over a proxy. `http_resume` is pure: from what is there of a file and the head of an answer it
decides whether the body is appended, replaces everything, or is asked for in another way. `fetch_failure`
puts what went wrong into words, and says whether another attempt makes sense. `stall_watch` finds a body
that drips.

Promises: no byte of one representation is ever appended to bytes of another. A token goes only to the origin
that it is for. A request that began under https never continues under http. Memory is bounded, whatever a
server sends.

Read `http_resume` first.
"""
