"""Opens the images of a request: what the service refuses in them, and what they cost in tokens."""

import functools
import io
import math

from PIL import Image

# 5 MB in base64, as the Anthropic API counts; 3.75 MB raw, as Converse's documentation says.
_MAX_BYTES = 3_932_160
_MAX_EDGE = 8_000
_PATCH = 28
# Pillow's name for a JPEG with more than one picture, as phones write them.
_FORMATS = {"mpo": "jpeg"}


def check_image(data: bytes, declared: str) -> str:
    """What the service says against this image, or nothing."""
    if len(data) > _MAX_BYTES:
        return f"image exceeds 3.75 MB maximum: {len(data)} bytes > {_MAX_BYTES} bytes"
    opened = describe(data)
    if opened is None:
        return "Could not process image"
    actual, width, height = opened
    if max(width, height) > _MAX_EDGE:
        return f"At least one of the image dimensions exceed max allowed size: {_MAX_EDGE} pixels"
    if actual != declared:
        return f"Image does not match the provided media type image/{declared}"
    if pixels(data) is None:
        return "Could not process image"
    return ""


@functools.lru_cache(maxsize=256)
def describe(data: bytes) -> tuple[str, int, int] | None:
    """Format, width and height in pixels as the file's own header says; None for what is no image."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            name = (image.format or "").lower()
            return _FORMATS.get(name, name), image.width, image.height
    # A bomb is over the edge limit anyway; what Pillow does not read, Claude is not asked to.
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None


@functools.lru_cache(maxsize=64)
def pixels(data: bytes, edge: int = 96) -> Image.Image | None:
    """The picture, transparent parts white, sampled down to `edge` pixels; None when it cannot be decoded."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            opaque = image.convert("RGBA")
    except (OSError, SyntaxError, ValueError):
        return None
    flat = Image.new("RGB", opaque.size, "white")
    flat.paste(opaque, mask=opaque)
    # Nearest neighbour: averaging would invent colours between two stripes.
    scale = min(1, edge / max(flat.size))
    size = (max(1, round(flat.width * scale)), max(1, round(flat.height * scale)))
    return flat.resize(size, Image.Resampling.NEAREST)


def image_tokens(data: bytes, *, limit: int) -> int:
    """Tokens that the image costs: one for each patch of 28 pixels, up to what the model scales it down to."""
    opened = describe(data)
    if opened is None:
        return 0
    _, width, height = opened
    return min(limit, math.ceil(width / _PATCH) * math.ceil(height / _PATCH))
