"""The root certificates that are shipped with the functions: Amazon's, all of them, and nobody else's."""

import hashlib
import re
import ssl
from datetime import datetime, timedelta, timezone

import certifi
import pytest

import template as cfn

# SHA-256 fingerprints as Amazon Trust Services publishes them in its repository of root certificates.
PUBLISHED = {
    "Amazon Root CA 1": "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",
    "Amazon Root CA 2": "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4",
    "Amazon Root CA 3": "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",
    "Amazon Root CA 4": "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092",
    "Starfield Services Root CA - G2": "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5",
}
ROOTS = cfn.INFRA / "amazon-roots.pem"


def certificates(bundle: str) -> dict[str, bytes]:
    """DER certificates of a PEM bundle by their SHA-256 fingerprint."""
    blocks = re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", bundle, re.DOTALL)
    encoded = [ssl.PEM_cert_to_DER_cert(block) for block in blocks]
    return {hashlib.sha256(each).hexdigest(): each for each in encoded}


def test_the_bundle_holds_exactly_the_published_roots():
    assert set(certificates(ROOTS.read_text())) == set(PUBLISHED.values())


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_public_bundle_trusts_the_same_root(name):
    """What Mozilla's bundle trusts as Amazon's is what we ship: byte for byte, or it would not be found."""
    assert PUBLISHED[name] in certificates(open(certifi.where()).read())


def test_no_root_of_amazon_in_the_public_bundle_is_missing():
    context = ssl.create_default_context(cafile=certifi.where())
    public = {
        dict(pair[0] for pair in certificate["subject"]).get("commonName")
        for certificate in context.get_ca_certs()
        if dict(pair[0] for pair in certificate["subject"]).get("organizationName") == "Amazon"
    }
    shipped = {
        dict(pair[0] for pair in certificate["subject"]).get("commonName")
        for certificate in ssl.create_default_context(cafile=str(ROOTS)).get_ca_certs()
    }
    assert public and public <= shipped


def test_no_root_ends_within_two_years():
    for certificate in ssl.create_default_context(cafile=str(ROOTS)).get_ca_certs():
        end = datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), timezone.utc)
        assert end > datetime.now(timezone.utc) + timedelta(days=730), certificate["subject"]
