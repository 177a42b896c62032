"""The signed manifest that the profile names.

`remote_manifest` fetches, verifies, stores and applies it. `manifest_freshness` decides which manifest may
replace which, and is pure. `manifest_store` is the file with the one that was fetched last.
"""
