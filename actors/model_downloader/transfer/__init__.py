"""Transfers: bytes from origins into staged files, over as many connections as help, resumed at any byte.

    Transfer        attempts, sources, disk space             transfer, source_urls, space_reservations
      Attempt       builds what one attempt needs             attempt
        WorkerPool      connections, each a thread            worker_pool, concurrency, cancel_token
        PartFetcher     one part over one connection          part_fetcher, file_source, http/
        PartScheduler   who fetches which range now           part_scheduler
        PartWriter      bytes, marks, syncs, journal          part_writer, flush_policy
    TransferLimits  shared by all transfers                   transfer_limits, token_bucket

A worker takes a part from the scheduler, lets the fetcher fetch it, and gives it back, done or not. The first
connection of a file finds out what the file is: which representation, and whether the server has ranges.
The others join it with its validator. The writer hands bytes to the kernel, and one thread behind it makes
them durable and journals them. The scheduler and the writer own a lock each; the writer may call the
scheduler, never the reverse.

Owns nothing on disk: the files and their journal are those of `actors.model_downloader.staging`, which
knows nothing of this package. Publishes nothing: progress goes to a callback.

Promises: bytes of two representations are never mixed; what is reported is durable; cancelling ends every
wait at once; the space that an install reserves is given back whatever ends it.

Read `part_scheduler` and `http/http_resume` first: they decide, the rest does.
"""
