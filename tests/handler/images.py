"""Image files as sellers upload them, made with Pillow. No decisions here: only bytes."""

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:  # noqa: ANN401 - Pillow's writers take anything
    """The image as a file of the Pillow format `kind`."""
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def decode(data: bytes) -> Image.Image:
    """The image in a file, decoded."""
    image = Image.open(BytesIO(data))
    image.load()
    return image


def noise(width: int, height: int) -> Image.Image:
    """A picture that does not compress to nothing."""
    return Image.effect_noise((width, height), 60).convert("RGB")


def halves(width: int, height: int, top: str = "red", bottom: str = "blue") -> Image.Image:
    """A picture that shows which way is up."""
    image = Image.new("RGB", (width, height), bottom)
    image.paste(Image.new("RGB", (width, height // 2), top), (0, 0))
    return image


def colour(image: Image.Image, x: int, y: int) -> str:
    """The name of the pure colour nearest to a pixel."""
    names = {"red": (255, 0, 0), "blue": (0, 0, 255), "white": (255, 255, 255), "black": (0, 0, 0), "lime": (0, 255, 0)}
    red, green, blue = image.convert("RGB").getpixel((x, y))  # type: ignore[misc]  # RGB gives three numbers
    return min(names, key=lambda name: sum((a - b) ** 2 for a, b in zip(names[name], (red, green, blue), strict=True)))


def png_header(width: int, height: int) -> bytes:
    """A well-formed PNG that declares a size and holds one row's worth of nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")
    )
