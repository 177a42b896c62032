"""Decides which certificates TLS trusts: those that a variable names, or the platform's and Mozilla's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bus.error_words import in_words
from bus.errors import OperatorError

if TYPE_CHECKING:
    import ssl

FILE_VARIABLES: Final = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
DIRECTORY_VARIABLE: Final = "SSL_CERT_DIR"


class CertificatesUnreadable(OperatorError):
    """The certificates that a variable names cannot be read.

    Attributes:
        variable: name of the variable.
        path: value of the variable.
        reason: why its certificates cannot be read.
    """

    variable: str
    path: str
    reason: str
    words = (
        "{variable}: expected certificates of authorities in {path!r} (PEM): {reason}; correct the "
        "variable or unset it"
    )


def tls_context(environment: Mapping[str, str]) -> ssl.SSLContext:
    """TLS context of a client, such as `httpx.AsyncClient(verify=tls_context(os.environ))`.

    A bundle that a person names replaces all others. Without one, the platform's store is trusted, with what
    an administrator put there, and Mozilla's list.

    Raises:
        CertificatesUnreadable: a variable names a file or directory that holds no certificates.
    """
    import ssl

    named = [(name, environment[name]) for name in FILE_VARIABLES if environment.get(name)][:1]
    directory = environment.get(DIRECTORY_VARIABLE, "")
    if not named and not directory:
        import certifi

        context = ssl.create_default_context()
        context.load_verify_locations(cafile=certifi.where())
        return context
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for variable, path in named:
        try:
            context.load_verify_locations(**({"capath": path} if Path(path).is_dir() else {"cafile": path}))
        except (OSError, ssl.SSLError) as error:
            raise CertificatesUnreadable(
                variable, path, getattr(error, "strerror", None) or in_words(error)
            ) from error
    if directory:
        if not Path(directory).is_dir():
            raise CertificatesUnreadable(DIRECTORY_VARIABLE, directory, "it is no directory")
        context.load_verify_locations(capath=directory)
    return context
