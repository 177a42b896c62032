"""What looks unused to vulture and is not, each group with its reason. Read by `make check`, never imported.

Anything else that vulture reports is dead: delete it.
"""

# ruff: noqa: B018, F821

# Called by http.server and socketserver, on the origin of the tour.
protocol_version
log_message
args
close_connection
daemon_threads
block_on_close
request_queue_size
handle_error
client_address

# Called by click, on a group.
get_command
format_commands

# Read by zipfile.
compress_type
seekable

# Overridden or set where http.client and http.cookiejar look for it.
response_class
_read_and_discard_trailer
extract_cookies

# Fields of files: written here, read by people or by later versions.
restores
undercroft_history
fetched_at
added_at

# Fields that are read by name: rules of retention by period, templates of errors.
hourly
daily
weekly
monthly
silence_seconds

# For programs that are not in this repository: topics without a type, statistics, kinds of failures, signing.
request_raw
replays
NOT_REACHED
sign_manifest
ask_then_follow
meaningless

# What an install has reserved, for its tests.
reserved_bytes

# What a profile may say, as its table names it; why somebody may write, for programs; what Python looks at.
SettingsReference
means
dont_write_bytecode

# What Python calls of a stream, and a count for users of the thin client.
writelines
writable
meaningless
