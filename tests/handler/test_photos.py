"""A seller's image file becomes a photo for the model."""

import subprocess
import sys
from collections.abc import Callable
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from images import colour, decode, encode, halves, noise, png_header
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from handler.errors import ImageNotAnImage, ImageTooManyPixels, ImageUnreadable
from handler.photos import LONG_EDGE, MAX_BYTES, MAX_TILES, RECIPE, TILE, Photo, prepare

FITTING = {
    "jpeg": encode(noise(300, 200), "JPEG"),
    "grey jpeg": encode(noise(300, 200).convert("L"), "JPEG"),
    "progressive jpeg": encode(noise(300, 200), "JPEG", progressive=True),
    "png": encode(noise(300, 200), "PNG"),
    "palette png": encode(noise(300, 200).convert("P"), "PNG"),
    "gif": encode(noise(300, 200).convert("P"), "GIF"),
    "webp": encode(noise(300, 200), "WEBP"),
    "lossless webp": encode(noise(300, 200), "WEBP", lossless=True),
    "largest": encode(noise(784, 784), "JPEG"),
}


def one(source: bytes) -> Photo:
    (photo,) = prepare(source)
    return photo


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


@pytest.mark.parametrize("name", FITTING)
def test_a_file_that_fits_is_passed_on_byte_for_byte(name: str) -> None:
    """A small, upright, opaque, still image in RGB or grey is the photo itself."""
    source = FITTING[name]
    photo = one(source)
    assert photo.data is source
    assert photo.format == name.split()[-1] if name != "largest" else "jpeg"
    assert (photo.width, photo.height) == decode(source).size


def test_a_file_that_fits_is_not_decoded() -> None:
    """Only the header is read: damage between header and end goes unnoticed, for pixels are what costs."""
    source = bytearray(FITTING["png"])
    source[len(source) // 2] ^= 0xFF
    assert one(bytes(source)).data == source
    with pytest.raises(OSError, match=r"broken|truncated|decod|bad"):
        decode(bytes(source)).verify()


@pytest.mark.parametrize(("size", "tokens"), [((784, 784), 784), ((1, 1), 1), ((28, 29), 2), ((785 - 28, 57), 28 * 3)])
def test_tokens_count_begun_patches(size: tuple[int, int], tokens: int) -> None:
    """A photo costs one token for each patch of 28 x 28 pixels, begun ones included."""
    assert Photo("jpeg", b"", *size).tokens == tokens


@pytest.mark.parametrize(
    ("size", "shrunk"),
    [((1568, 1000), (784, 500)), ((900, 1801), (392, 784)), ((2000, 2000), (784, 784)), ((785, 785), (784, 784))],
)
def test_a_large_photo_is_shrunk_with_its_aspect_kept(size: tuple[int, int], shrunk: tuple[int, int]) -> None:
    """The long edge becomes 784 pixels, the other follows."""
    photo = one(encode(halves(*size), "JPEG"))
    assert (photo.width, photo.height) == shrunk
    assert photo.format == "jpeg"
    bitmap = decode(photo.data)
    assert (bitmap.format, bitmap.mode, bitmap.size) == ("JPEG", "RGB", shrunk)
    assert colour(bitmap, 5, 5) == "red"
    assert colour(bitmap, 5, shrunk[1] - 5) == "blue"


def test_a_large_jpeg_is_decoded_at_the_decoder_s_own_smaller_scale() -> None:
    """A third of the time: 3,136 pixels are decoded as 784, and none is left to shrink."""
    source = encode(noise(3136, 1568), "JPEG")
    with Image.open(BytesIO(source)) as image:
        image.draft(None, (784, 392))
        assert image.size == (784, 392)
        scaled = encode(image, "JPEG", quality=85)
    assert one(source).data == scaled


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("size", [(60, 40), (1200, 800)])
def test_a_photo_of_a_turned_camera_is_set_upright(kind: str, orientation: int, size: tuple[int, int]) -> None:
    """All eight EXIF orientations end upright; the expectation is undone by hand, without EXIF."""
    undo = {
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.ROTATE_90, Image.Transpose.FLIP_TOP_BOTTOM],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.ROTATE_270, Image.Transpose.FLIP_TOP_BOTTOM],
        8: [Image.Transpose.ROTATE_270],
    }
    upright = halves(*size)
    upright.paste("lime", (0, 0, size[0] // 4, size[1] // 4))
    stored = upright
    for step in undo[orientation]:
        stored = stored.transpose(step)
    photo = one(encode(stored, kind, exif=exif(orientation)))
    bitmap = decode(photo.data)
    assert bitmap.size == ((60, 40) if size == (60, 40) else (784, 523))
    assert bitmap.getexif().get(0x0112) is None
    assert [colour(bitmap, x, y) for x, y in [(3, 3), (bitmap.width - 3, 3), (3, bitmap.height - 3)]] == [
        "lime",
        "red",
        "blue",
    ]


@pytest.mark.parametrize("orientation", [0, 1, 9, 4711])
def test_an_upright_or_senseless_orientation_changes_nothing(orientation: int) -> None:
    """Orientation 1 and values that EXIF does not know leave the file as it is."""
    source = encode(noise(60, 40), "JPEG", exif=exif(orientation))
    assert one(source).data is source


@pytest.mark.parametrize("size", [(60, 40), (1000, 900)])
def test_damaged_exif_is_no_reason_to_refuse_a_photo(size: tuple[int, int]) -> None:
    """A photo whose EXIF block is rubbish is used as it is, as browsers do."""
    text = PngInfo()
    text.add_text("Raw profile type exif", "\nexif\n10\nno hex digits")
    for source in (
        encode(noise(*size), "JPEG", exif=b"Exif\0\0rubbish!"),
        encode(noise(*size), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x09\x01\x12"),
        encode(noise(*size), "PNG", pnginfo=text),
    ):
        photo = one(source)
        assert photo.width > photo.height


def test_exif_behind_the_pixels_of_a_png_is_not_looked_for() -> None:
    """Finding it would mean decoding every PNG; writers put it in front."""
    source = encode(noise(60, 40), "PNG", exif=exif(6))
    at = source.index(b"eXIf") - 4
    end = at + 12 + int.from_bytes(source[at : at + 4], "big")
    moved = source[:at] + source[end:-12] + source[at:end] + source[-12:]
    assert decode(moved).getexif()[0x0112] == 6
    assert one(moved).data is moved


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
@pytest.mark.parametrize("size", [(100, 60), (1000, 900)])
def test_transparent_pixels_become_white(mode: str, size: tuple[int, int]) -> None:
    """Alpha is flattened on white: what shops show behind a cut-out, not the black that lies under it."""
    image = Image.new("RGBA", size, (0, 0, 0, 0))
    image.paste((255, 0, 0, 255), (0, 0, size[0] // 2, size[1]))
    if mode == "LA":
        image = image.convert("LA").convert("RGBA").convert("LA")
    kind = "PNG"
    source = encode(image if mode != "PA" else image.quantize(8), kind)
    bitmap = decode(one(source).data)
    assert colour(bitmap, bitmap.width - 5, 5) == "white"
    assert colour(bitmap, 5, 5) != "white"
    assert bitmap.mode == "RGB"


@pytest.mark.parametrize(
    "source",
    [
        encode(Image.new("RGBA", (50, 50), (0, 0, 0, 0)), "WEBP"),
        encode(Image.new("P", (50, 50), 3), "GIF", transparency=3),
        encode(Image.new("RGB", (50, 50), (1, 2, 3)), "PNG", transparency=(1, 2, 3)),
    ],
    ids=["webp", "gif", "one colour of a png"],
)
def test_transparency_of_every_kind_is_flattened(source: bytes) -> None:
    """Alpha channels, transparent palette entries and transparent colours all end on white."""
    photo = one(source)
    assert photo.format == "jpeg"
    assert colour(decode(photo.data), 25, 25) == "white"


def test_cmyk_becomes_rgb() -> None:
    """A file made for print shows its colours instead of their negative."""
    photo = one(encode(halves(200, 100).convert("CMYK"), "JPEG"))
    bitmap = decode(photo.data)
    assert bitmap.mode == "RGB"
    assert (colour(bitmap, 5, 5), colour(bitmap, 5, 95)) == ("red", "blue")


def test_sixteen_bit_grey_keeps_its_shades() -> None:
    """Mid grey of a 16-bit scan stays mid grey; clipping would make it white."""
    bitmap = decode(one(encode(Image.new("I;16", (50, 50), 0x8000), "PNG")).data)
    assert abs(bitmap.convert("L").resize((1, 1)).tobytes()[0] - 128) < 4


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
@pytest.mark.parametrize("size", [(50, 50), (1000, 900)])
def test_of_an_animation_the_first_frame_is_used(kind: str, size: tuple[int, int]) -> None:
    """An animated GIF, WebP or PNG gives one still photo: its first frame."""
    frames = [Image.new("RGB", size, name) for name in ("red", "blue", "lime")]
    photo = one(encode(frames[0], kind, save_all=True, append_images=frames[1:], duration=100))
    assert photo.format == "jpeg"
    assert colour(decode(photo.data), 25, 25) == "red"


def test_a_black_and_white_image_is_decoded() -> None:
    """One bit a pixel is no mode that every reader takes."""
    assert decode(one(encode(Image.new("1", (50, 50), 1), "PNG")).data).mode == "RGB"


def test_a_large_palette_image_is_smoothed() -> None:
    """A palette image is shrunk by averaging colours, not by picking pixels."""
    stripes = Image.new("P", (1600, 1600))
    stripes.putpalette([0, 0, 0, 255, 255, 255])
    stripes.putdata([x % 2 for _ in range(1600) for x in range(1600)])
    bitmap = decode(one(encode(stripes, "PNG")).data).convert("L")
    assert 90 < bitmap.tobytes()[400 * 784 + 400] < 165


def test_a_heavy_file_is_encoded_anew() -> None:
    """A file within the edge but over Bedrock's limit in bytes becomes a JPEG under it."""
    source = FITTING["png"][:-12] + b"\0" * MAX_BYTES + FITTING["png"][-12:]
    photo = one(source)
    assert photo.format == "jpeg"
    assert len(photo.data) < MAX_BYTES


@pytest.mark.parametrize("name", ["jpeg", "png", "gif", "webp"])
def test_trailing_bytes_are_cut_off_by_decoding(name: str) -> None:
    """Some phones append data of their own: the photo is whole, so it is used."""
    photo = one(FITTING[name] + b"SEFT" * 10)
    assert (photo.format, photo.width, photo.height) == ("jpeg", 300, 200)


def test_the_type_is_read_from_the_bytes() -> None:
    """A WebP that a shop calls photo.jpg and serves as image/jpeg is a WebP."""
    assert one(FITTING["webp"]).format == "webp"


@pytest.mark.parametrize(
    "source",
    [
        b"",
        b"<!doctype html><title>Not found</title>",
        b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        b'<?xml version="1.0"?><svg/>',
        b"GIF",
        b"RIFF\x24\0\0\0WAVEfmt ",
        b"%PDF-1.7",
        encode(noise(20, 20), "BMP"),
        encode(noise(20, 20), "TIFF"),
        "상품".encode(),
    ],
)
def test_what_is_no_photo_is_said_to_be_none(source: bytes) -> None:
    """HTML, SVG, nothing at all and other formats: the URL is wrong, not the file damaged."""
    with pytest.raises(ImageNotAnImage):
        prepare(source)


@pytest.mark.parametrize("name", FITTING)
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_a_truncated_file_is_unreadable(name: str, share: float) -> None:
    """A download that broke off is not shown to the model half grey, of whichever type it is."""
    source = FITTING[name]
    with pytest.raises(ImageUnreadable):
        prepare(source[: max(16, int(len(source) * share))])


def test_a_truncated_large_file_is_unreadable() -> None:
    """The same where the file would have been decoded anyway."""
    source = encode(noise(1500, 1500), "JPEG")
    with pytest.raises(ImageUnreadable):
        prepare(source[: len(source) // 2])


@pytest.mark.parametrize("size", [(60_000, 60_000), (2**31 - 1, 2**31 - 1), (10_000, 9_000), (6_001, 6_000)])
def test_too_many_pixels_are_refused_by_the_header(size: tuple[int, int]) -> None:
    """A decompression bomb is refused by what it declares, without a warning and without memory."""
    with pytest.raises(ImageTooManyPixels):
        prepare(png_header(*size))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_photo_of_forty_megapixels_is_refused(kind: str) -> None:
    """A real file over the cap is refused like a bomb, whatever its type."""
    with pytest.raises(ImageTooManyPixels):
        prepare(encode(Image.new("L", (8000, 5000)), kind))


@pytest.mark.parametrize("size", [(860, 20_000), (100, 301), (301, 100), (3000, 500)])
def test_a_detail_strip_is_skipped(size: tuple[int, int]) -> None:
    """A strip gives no photo unless the task wants tiles."""
    assert prepare(encode(Image.new("RGB", size), "PNG")) == ()


def test_three_to_one_is_still_a_photo() -> None:
    """The border belongs to the photos."""
    assert len(prepare(encode(noise(300, 100), "PNG"))) == 1


def test_a_long_strip_is_cut_into_a_limited_number_of_tiles() -> None:
    """The first six tiles of 784 x 1092 are shown, from the top."""
    strip = Image.new("RGB", (860, 20_000), "blue")
    strip.paste("red", (0, 0, 860, 1000))
    tiles = prepare(encode(strip, "PNG"), tile=True)
    assert [(tile.width, tile.height, tile.format) for tile in tiles] == [(*TILE, "jpeg")] * MAX_TILES
    assert colour(decode(tiles[0].data), 400, 400) == "red"
    assert colour(decode(tiles[1].data), 400, 400) == "blue"


def test_a_strips_tiles_are_equal_so_that_none_is_a_sliver() -> None:
    """1093 rows make two halves, not a tile and one row."""
    tiles = prepare(encode(Image.new("RGB", (300, 1093)), "PNG"), tile=True)
    assert [(tile.width, tile.height) for tile in tiles] == [(300, 546), (300, 547)]


def test_a_wide_strip_is_cut_from_left_to_right() -> None:
    """A banner's tiles are 784 wide at most and keep its order."""
    banner = Image.new("RGB", (4000, 400), "blue")
    banner.paste("red", (0, 0, 700, 400))
    tiles = prepare(encode(banner, "PNG"), tile=True)
    assert len(tiles) == 6
    assert {tile.height for tile in tiles} == {400}
    assert max(tile.width for tile in tiles) <= TILE[0]
    assert colour(decode(tiles[0].data), 300, 200) == "red"
    assert colour(decode(tiles[-1].data), 300, 200) == "blue"


def test_a_turned_strip_is_cut_upright() -> None:
    """A strip that lies on its side by EXIF is set upright first."""
    strip = Image.new("RGB", (500, 3000), "blue")
    strip.paste("red", (0, 0, 500, 1500))
    lying = strip.transpose(Image.Transpose.ROTATE_90)
    tiles = prepare(encode(lying, "JPEG", exif=exif(6)), tile=True)
    assert [(tile.width, tile.height) for tile in tiles] == [(500, 1000)] * 3
    assert [colour(decode(tile.data), 250, 10) for tile in tiles] == ["red", "red", "blue"]


def test_an_ordinary_photo_is_the_same_with_and_without_tiles() -> None:
    """Asking for tiles concerns strips only."""
    source = encode(noise(900, 900), "JPEG")
    assert prepare(source, tile=True) == prepare(source)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_same_file_gives_the_same_photo(kind: str) -> None:
    """Bytes in decide bytes out: the fingerprint holds the digest of the source alone."""
    source = encode(noise(1000, 1000), kind)
    assert prepare(source) == prepare(source)
    assert RECIPE


def test_pillow_is_not_loaded_at_import() -> None:
    """Start-up does not pay for photos, nor does an event whose URL answers with a web page."""
    program = (
        "import sys, handler.photos as p\n"
        "try: p.prepare(b'<html>')\n"
        "except p.ImageNotAnImage: print('PIL' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "False\n"
    )


def limited(source: bytes) -> None:
    """Runs prepare and holds it to its promise."""
    for tile in (False, True):
        try:
            photos = prepare(source, tile=tile)
        except (ImageNotAnImage, ImageUnreadable, ImageTooManyPixels):
            continue
        for photo in photos:
            assert max(photo.width, photo.height) <= (TILE[1] if tile else LONG_EDGE)
            assert len(photo.data) <= MAX_BYTES
            with Image.open(BytesIO(photo.data)) as image:
                assert image.size == (photo.width, photo.height)


MAGIC = [
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"GIF87a",
    b"GIF89a",
    b"RIFF\x20\0\0\0WEBPVP8X",
    b"RIFF\x20\0\0\0WEBPVP8 ",
]
VICTIMS = [
    encode(noise(40, 30), "JPEG"),
    encode(noise(40, 30), "JPEG", progressive=True, exif=exif(6)),
    encode(noise(40, 30).convert("CMYK"), "JPEG"),
    encode(noise(900, 20), "JPEG"),
    encode(noise(40, 30), "PNG"),
    encode(noise(40, 30).convert("RGBA"), "PNG", exif=exif(3)),
    encode(noise(40, 30).convert("P"), "PNG", transparency=2),
    encode(noise(40, 30).convert("P"), "GIF"),
    encode(noise(40, 30), "GIF", save_all=True, append_images=[halves(40, 30)]),
    encode(noise(40, 30), "PNG", save_all=True, append_images=[halves(40, 30)]),
    encode(noise(40, 30), "WEBP"),
    encode(noise(40, 30).convert("RGBA"), "WEBP", lossless=True, exif=exif(8)),
    encode(noise(40, 30), "WEBP", save_all=True, append_images=[halves(40, 30)]),
]


@settings(deadline=None)
@given(st.sampled_from([b"", *MAGIC]), st.binary(max_size=200))
def test_any_bytes_give_photos_or_one_of_three_errors(magic: bytes, rest: bytes) -> None:
    """Nothing that a URL can answer with raises anything else."""
    limited(magic + rest)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_any_mutilated_image_gives_photos_or_one_of_three_errors(data: st.DataObject) -> None:
    """Real files with bytes flipped, cut out, doubled or cut off raise nothing else either."""
    source = bytearray(data.draw(st.sampled_from(VICTIMS)))
    place = st.integers(0, len(source))
    for _ in range(data.draw(st.integers(1, 4))):
        change: Callable[[bytearray], None] = data.draw(st.sampled_from([flip, cut, double]))(data.draw(place))
        change(source)
    limited(bytes(source))


def flip(at: int) -> Callable[[bytearray], None]:
    def change(source: bytearray) -> None:
        source[at : at + 1] = b"\xff" if source[at : at + 1] != b"\xff" else b"\0"

    return change


def cut(at: int) -> Callable[[bytearray], None]:
    def change(source: bytearray) -> None:
        del source[at : at + 7]

    return change


def double(at: int) -> Callable[[bytearray], None]:
    def change(source: bytearray) -> None:
        source[at:at] = source[at : at + 40]

    return change
