"""Log records that diagnostics collects: in memory (`log_book`), and in files if the user asked for them."""
