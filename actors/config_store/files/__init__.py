"""The files of the store: `config.json`, presets, the administrator's policy.

`config_content.py` knows the format of `config.json`; `config_file.py` reads, migrates and writes it, with
`setting_migrations.py`. `write_behind.py` decides when a write is due: many changes share one, and
`write_delay.py` recognizes a slider. `file_watcher.py` notices what people do to `config.json` and to the
policy. `presets.py` and `admin_policy.py` read what the app and the administrator provide.

Nothing here knows the actor: these modules return what they found, and the actor acts on it.
"""
