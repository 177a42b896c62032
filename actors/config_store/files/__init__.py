"""The files of the store: `config.json`, presets, the administrator's policy.

`config_file.py` reads, migrates and writes `config.json`; `write_behind.py` gathers changes into one write;
`file_watcher.py` notices what others did to the files.
"""
