"""Makes a model's photo of a seller's image file. Pure: bytes in, bytes out; fetches nothing, knows no URL.

Pixels are by far the dearest CPU of an event, so a file that fits is passed on as it is, after a look at its header;
everything else is decoded once. The same bytes always give the same photos: their digest stands for them in the
fingerprint, together with `RECIPE`. Pillow is imported by the first photo: start-up is a feature.
"""

import threading
import warnings
from collections.abc import Iterator
from io import BytesIO
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple

from handler.errors import EnrichmentError, ImageNotAnImage, ImageTooManyPixels, ImageUnreadable

if TYPE_CHECKING:
    from PIL.Image import Image

Format = Literal["jpeg", "png", "gif", "webp"]

RECIPE = "photo-1"
"""Names this preparation in the fingerprint: change it whenever the same file gives other bytes."""

PATCH = 28
"""Pixels: models see patches of 28 x 28, one token each."""
LONG_EDGE = 28 * PATCH
"""Pixels: at most 784 tokens a photo. Below every model's own limit, so the cost depends on no model's resizing."""
TILE = (28 * PATCH, 39 * PATCH)
"""Pixels, width and height of a detail strip's tile: what keeps printed labels and size charts legible."""
MAX_TILES = 6
STRIP_RATIO = 3
"""Long edge to short edge above which an image is a detail strip (860 x 20000 is usual): shrunk to one photo, nothing
could be read on it, while a photo of a product rarely exceeds 2:1."""
MAX_BYTES = 3_750_000
"""Bedrock's limit for one image."""
MAX_PIXELS = 36_000_000
"""Such a file takes 40 MB to decode as JPEG, 320 as PNG with alpha, 600 as WebP (measured)."""
JPEG_QUALITY = 85

_ORIENTATION = 0x0112  # EXIF tag; 1, or none, is upright
_TURNS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
_SIDEWAYS = {"TRANSPOSE", "ROTATE_270", "TRANSVERSE", "ROTATE_90"}

# Two threads decode 1.9 times as fast as one on two cores; more only wait for each other. A JPEG is decoded at a
# fraction of its size; the others are unpacked whole, so that a second one at once could end the container.
_jpegs = threading.BoundedSemaphore(2)
_others = threading.BoundedSemaphore(1)


class Photo(NamedTuple):
    """An image as the model gets it; width and height in pixels."""

    format: Format
    data: bytes
    width: int
    height: int

    @property
    def tokens(self) -> int:
        """What the photo costs as input: one token a patch, begun ones included."""
        return -(-self.width // PATCH) * -(-self.height // PATCH)


def prepare(source: bytes, *, tile: bool = False) -> tuple[Photo, ...]:
    """The photos to show for an image file: one; for a detail strip none, or its first tiles where `tile`.

    Raises `ImageNotAnImage`, `ImageTooManyPixels` or `ImageUnreadable`.
    """
    format_ = _sniff(source)
    from PIL import Image, WebPImagePlugin  # noqa: F401 - else Image.open looks for WebP by loading all plugins

    # Pillow warns of damage and of sizes that are judged here anyway. Set on each call: others may reset the filters.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        with Image.open(BytesIO(source), formats=[format_.upper()]) as image:
            return _photos(image, source, format_, tile=tile)
    except EnrichmentError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageTooManyPixels(f"more than {MAX_PIXELS:,} pixels") from error
    except Exception as error:  # Pillow's readers raise whatever damaged bytes lead them to
        raise ImageUnreadable(f"{format_} file: {type(error).__name__}") from error


def _sniff(source: bytes) -> Format:
    """The file's type by its first bytes: headers and extensions of shops are wrong too often."""
    if source.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if source.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if source.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if source.startswith(b"RIFF") and source[8:12] == b"WEBP":
        return "webp"
    raise ImageNotAnImage(f"{len(source):,} bytes that are no JPEG, PNG, GIF or WebP")


def _photos(image: "Image", source: bytes, format_: Format, *, tile: bool) -> tuple[Photo, ...]:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ImageTooManyPixels(f"{width} x {height} pixels")
    strip = max(width, height) > STRIP_RATIO * min(width, height)
    if strip and not tile:
        return ()
    if _fits(image, source, format_):
        return (Photo(format_, source, width, height),)
    with _jpegs if format_ == "jpeg" else _others:
        if strip:
            return tuple(_tiles(image))
        return (_photo(_decode(image, within=(LONG_EDGE, LONG_EDGE))),)


def _fits(image: "Image", source: bytes, format_: Format) -> bool:
    """Whether the file can be sent as it is. Reads the header only, save the frames' outlines of a GIF."""
    return (
        max(image.size) <= LONG_EDGE
        and len(source) <= MAX_BYTES
        and image.mode in {"RGB", "L", "P"}
        and not image.has_transparency_data
        and _is_complete(source, format_)
        and not getattr(image, "is_animated", False)
        and _turn(image) is None
    )


def _is_complete(source: bytes, format_: Format) -> bool:
    """Whether the file ends as its type does. Where it does not, decoding tells trailing bytes from missing ones."""
    if format_ == "webp":
        return int.from_bytes(source[4:8], "little") + 8 == len(source)
    ends = {"jpeg": b"\xff\xd9", "png": b"IEND\xae\x42\x60\x82", "gif": b"\x3b"}
    return source.endswith(ends[format_])


def _turn(image: "Image") -> str | None:
    """The transposition that sets the image upright, None where it is."""
    from PIL import Image

    try:
        # The base class's method: the one for PNG decodes the whole image to look for EXIF behind the pixels.
        orientation = Image.Image.getexif(image).get(_ORIENTATION)
    except Exception:  # noqa: BLE001 - damaged EXIF is no reason to refuse the photo: browsers show it as it is
        return None
    return _TURNS.get(orientation) if isinstance(orientation, int) else None


def _decode(image: "Image", *, within: tuple[int, int]) -> "Image":
    """The first frame, upright, at most as large as `within` (width, height), in RGB on white."""
    from PIL import Image

    turn = _turn(image)
    if turn in _SIDEWAYS:
        within = within[::-1]
    scale = min(1, within[0] / image.width, within[1] / image.height)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    image.draft(None, size)  # lets a JPEG decode at 1/2, 1/4 or 1/8: a third of the time for large ones
    bitmap: Image.Image = image
    if image.has_transparency_data:
        bitmap = image if image.mode == "RGBA" else image.convert("RGBA")  # which would copy, and this may be 144 MB
    elif image.mode.startswith("I"):
        bitmap = image.point(lambda value: value * (1 / 256)).convert("RGB")  # 16-bit grey, which convert alone clips
    elif image.mode in {"1", "P"}:
        bitmap = image.convert("RGB")  # these two would be resized without smoothing
    bitmap = bitmap.resize(size, Image.Resampling.BILINEAR)
    if turn:
        bitmap = bitmap.transpose(Image.Transpose[turn])
    if bitmap.mode == "RGBA":
        bitmap = Image.alpha_composite(Image.new("RGBA", bitmap.size, "white"), bitmap)
    return bitmap.convert("RGB")


def _tiles(image: "Image") -> Iterator[Photo]:
    """The beginning of a strip, cut across into equal tiles, so that none is a sliver."""
    tall = (image.height > image.width) != (_turn(image) in _SIDEWAYS)
    width, height = TILE
    strip = _decode(image, within=(width, MAX_PIXELS) if tall else (MAX_PIXELS, height))
    length, step = (strip.height, height) if tall else (strip.width, width)
    shown = min(length, MAX_TILES * step)
    count = -(-shown // step)
    for start, end in pairwise(shown * cut // count for cut in range(count + 1)):
        yield _photo(strip.crop((0, start, strip.width, end) if tall else (start, 0, end, strip.height)))


def _photo(bitmap: "Image") -> Photo:
    out = BytesIO()
    bitmap.save(out, "JPEG", quality=JPEG_QUALITY)
    return Photo("jpeg", out.getvalue(), bitmap.width, bitmap.height)
