"""From the name of a model to an entry: names, the sources behind them, and the client that asks servers.

Read `model_names` first, then `resolver`. `hub_repository` and `oci_registry` read the answers of servers
and are pure; `local_files` hashes files of this machine. `source_client` is the only way to the network.
"""
