"""Keys and certificates of one control plane: an authority, the API server's certificate, a service account key."""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID = timedelta(days=3650)
CLUSTER_IP = "172.20.0.1"  # the service `kubernetes` in EKS's default service network
DNS_NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _certificate(subject: str, issuer: str, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + VALID)
    )


def _authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    usage = x509.KeyUsage(
        key_cert_sign=True,
        crl_sign=True,
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = _certificate("kubebox-ca", "kubebox-ca", key.public_key())
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    # Python 3.13 refuses an authority without these two.
    builder = builder.add_extension(usage, critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    return builder.sign(key, hashes.SHA256())


def _server(authority: ec.EllipticCurvePrivateKey, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    addresses = [x509.IPAddress(ipaddress.ip_address(ip)) for ip in ("127.0.0.1", CLUSTER_IP)]
    names = x509.SubjectAlternativeName([*addresses, *(x509.DNSName(name) for name in DNS_NAMES)])
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key())
    builder = _certificate("kube-apiserver", "kubebox-ca", key.public_key())
    builder = builder.add_extension(names, critical=False)
    builder = builder.add_extension(issuer, critical=False)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return builder.sign(authority, hashes.SHA256())


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    path.touch(mode=0o600)
    path.write_bytes(text)


def write(directory: Path) -> None:
    """Write `ca.crt`, `ca.key`, `server.crt`, `server.key`, `accounts.key` and `accounts.pub` to `directory`.

    The keys are elliptic: they take milliseconds to make, where RSA takes seconds.
    """
    authority, server, accounts = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    for name, key in (("ca", authority), ("server", server), ("accounts", accounts)):
        _write_key(directory / f"{name}.key", key)
    pem = serialization.Encoding.PEM
    (directory / "ca.crt").write_bytes(_authority(authority).public_bytes(pem))
    (directory / "server.crt").write_bytes(_server(authority, server).public_bytes(pem))
    public = accounts.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    (directory / "accounts.pub").write_bytes(public)
