"""Certificates for servers on loopback."""

import shutil
import subprocess
from pathlib import Path

import pytest


def certificate_for(folder: Path, *hosts: str, basic: str = "") -> Path:
    """A self-signed certificate, with its key, for these hosts; skips where nothing can make one.

    `basic`: the extension of basic constraints, if not openssl's own.
    """
    if not shutil.which("openssl"):
        pytest.skip("needs the openssl command to make a certificate")
    path = folder / "host.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test"
    names = ["-addext", f"subjectAltName={','.join(f'DNS:{host}' for host in hosts)}"]
    if basic:
        names += ["-addext", basic]
    subprocess.run(
        [*command.split(), *names, "-keyout", path, "-out", path.with_suffix(".crt")], check=True, capture_output=True
    )
    path.write_bytes(path.read_bytes() + path.with_suffix(".crt").read_bytes())
    return path
