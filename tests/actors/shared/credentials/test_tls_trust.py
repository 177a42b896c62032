"""A private authority is trusted where a person names it, over a real connection."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx
import pytest

from actors.shared.credentials.tls_trust import CertificatesUnreadable, tls_context
from tests.support.http_servers import private_ca, running_site


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_server_of_a_private_authority_is_trusted_by_the_usual_variables(
    tmp_path: Path, variable: str
) -> None:
    authority, context = private_ca(tmp_path)
    with running_site(context) as site:
        url = site.put("/a", b"x")
        assert httpx.get(url, verify=tls_context({variable: str(authority)}), trust_env=False).content == b"x"
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(url, verify=tls_context({}), trust_env=False)


def test_the_host_of_a_certificate_is_checked(tmp_path: Path) -> None:
    authority, context = private_ca(tmp_path)
    with (
        running_site(context, name="localhost") as site,
        pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        httpx.get(
            site.put("/a", b"x"), verify=tls_context({"SSL_CERT_FILE": str(authority)}), trust_env=False
        )


def test_a_variable_that_names_no_certificates_is_told(tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("no certificate")
    for path in ("/nowhere/ca.pem", str(tmp_path / "no.pem")):
        with pytest.raises(CertificatesUnreadable, match="SSL_CERT_FILE"):
            tls_context({"SSL_CERT_FILE": path})
    with pytest.raises(CertificatesUnreadable, match="SSL_CERT_DIR"):
        tls_context({"SSL_CERT_DIR": "/nowhere"})


def test_every_context_checks_certificates_and_names(tmp_path: Path) -> None:
    for environment in ({}, {"SSL_CERT_DIR": str(tmp_path)}):
        context = tls_context(environment)
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
