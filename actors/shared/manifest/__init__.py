"""Which models an app may install, and what their files promise: size, SHA-256, URLs, licence.

It owns no file; the app's manifests lie in its profile. It promises that an entry in the catalogue is safe on
every platform: paths stay below the model's directory, names can be held by every file system, and URLs are
of the web.

Read `manifest_reader` first: it reads a manifest and checks everything that types cannot express.
`manifest_paths` judges paths and ids, `manifest_signature` opens signed manifests, `catalogue` merges all
manifests and what a person added. `licence` tells whether a licence has to be accepted, `semver` compares
versions.
"""

from actors.shared.http.urls import url_problem
from actors.shared.manifest.catalogue import AddedModel, Catalogue, DeclaredManifest, load_bundled, merge
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
    "AddedModel",
    "Catalogue",
    "DeclaredManifest",
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
