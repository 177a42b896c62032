"""Manifests: read and checked, merged to the catalogue of what the app knows; their versions, signatures and licences. Shared by actors."""

from actors.shared.http.urls import url_problem
from actors.shared.manifest.catalogue import Added, Catalogue, DeclaredModel, load_bundled, merge
from actors.shared.manifest.licence import is_licence_due, licence_digest
from actors.shared.manifest.manifest_paths import file_of_url, path_problem
from actors.shared.manifest.manifest_reader import (
    MANIFEST_LIMIT_BYTES,
    ManifestRefused,
    check_entry,
    check_manifest,
    digest_of,
    load_manifest,
    parse_manifest,
)
from actors.shared.manifest.semver import precedence

__all__ = [
    "MANIFEST_LIMIT_BYTES",
    "Added",
    "Catalogue",
    "DeclaredModel",
    "ManifestRefused",
    "check_entry",
    "check_manifest",
    "digest_of",
    "file_of_url",
    "is_licence_due",
    "licence_digest",
    "load_bundled",
    "load_manifest",
    "merge",
    "parse_manifest",
    "path_problem",
    "precedence",
    "url_problem",
]
