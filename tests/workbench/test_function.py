"""The function as people run it on their own machine."""

import socket
from pathlib import Path
from urllib.parse import urlsplit

from workbench.function import Function

OTHER_LOOPBACK = "127.0.0.2"
"""An address of this machine that is not 127.0.0.1: whoever listens on all addresses answers there, too."""


def test_only_this_machine_reaches_it(prompts_dir: Path) -> None:
    """The container's configuration listens on every address; a laptop in a café must not."""
    settings = {
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "PRODUCT_SERVICE_URL": "http://127.0.0.1:9",
        "PROMPTS_DIR": str(prompts_dir),
        "IMAGE_HOSTS": "127.0.0.1",
    }
    with Function(settings) as function, socket.socket() as elsewhere:
        elsewhere.settimeout(5)
        port = urlsplit(function.url).port
        assert elsewhere.connect_ex((OTHER_LOOPBACK, port)) != 0
