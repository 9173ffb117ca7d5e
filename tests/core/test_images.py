import hashlib
import io
import random
import struct
import zlib
from typing import Any

import pytest
from PIL import Image, ImageCms, ImageDraw, PngImagePlugin

from core.images import MAX_HEIGHT_PER_WIDTH, Picture, prepare_picture

SECRET = b"51.5007 north, at home"


def drawing(width: int = 60, height: int = 40, mode: str = "RGB") -> Image.Image:
    """A picture that is red on the left and blue on the right."""
    image = Image.new("RGB", (width, height), "red")
    ImageDraw.Draw(image).rectangle((width // 2, 0, width, height), fill="blue")
    return image.convert(mode)


def encoded(image: Image.Image, kind: str, **options: Any) -> io.BytesIO:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    stream.seek(0)
    return stream


def decoded(picture: Picture) -> Image.Image:
    image = Image.open(io.BytesIO(picture.content))
    image.load()
    return image


def colour(image: Image.Image, x: int, y: int) -> str:
    red, green, blue, *alpha = image.convert("RGBA").getpixel((x, y))  # type: ignore[misc]
    if alpha and alpha[0] < 50:
        return "clear"
    for name, value in (("red", red), ("green", green), ("blue", blue)):
        if value > 150 and red + green + blue - value < 150:
            return name
    return "white" if min(red, green, blue) > 200 else "other"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_picture_of_each_kind_becomes_webp(kind: str) -> None:
    picture = prepare_picture(encoded(drawing(), kind))
    image = decoded(picture)
    assert (image.format, image.size) == ("WEBP", (60, 40))
    assert (picture.mime, picture.width, picture.height) == ("image/webp", 60, 40)
    assert picture.sha256 == hashlib.sha256(picture.content).hexdigest()
    assert (colour(image, 5, 20), colour(image, 55, 20)) == ("red", "blue")


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("L", "JPEG"), ("CMYK", "JPEG"), ("1", "PNG"), ("L", "PNG"), ("LA", "PNG"), ("P", "PNG"), ("RGBA", "PNG"),
     ("I;16", "PNG"), ("P", "GIF"), ("L", "GIF")],
)  # fmt: skip
def test_every_way_of_storing_colours_is_read(mode: str, kind: str) -> None:
    source = drawing(mode="L").convert("I;16") if mode == "I;16" else drawing(mode=mode)
    assert decoded(prepare_picture(encoded(source, kind))).size == (60, 40)


def test_sixteen_bits_of_grey_keep_their_brightness() -> None:
    grey = Image.new("I;16", (8, 8), 32_768)
    value = decoded(prepare_picture(encoded(grey, "PNG"))).convert("L").getpixel((4, 4))
    assert isinstance(value, int)
    assert 118 <= value <= 138


def test_what_is_transparent_stays_so() -> None:
    image = Image.new("RGBA", (20, 10), (0, 0, 0, 0))
    ImageDraw.Draw(image).rectangle((10, 0, 20, 10), fill="red")
    for stream in (encoded(image, "PNG"), encoded(image, "WEBP", lossless=True), encoded(image, "GIF")):
        prepared = decoded(prepare_picture(stream))
        assert (colour(prepared, 2, 5), colour(prepared, 17, 5)) == ("clear", "red")


def test_a_wide_picture_is_made_smaller_and_a_small_one_is_left() -> None:
    large = prepare_picture(encoded(drawing(3000, 1500), "JPEG"))
    assert (large.width, large.height) == (1600, 800)
    assert decoded(large).size == (1600, 800)
    small = prepare_picture(encoded(drawing(30, 20), "PNG"), max_width=100)
    assert (small.width, small.height) == (30, 20)
    assert prepare_picture(encoded(drawing(300, 200), "PNG"), max_width=96).width == 96


def test_an_endlessly_tall_picture_is_made_smaller_too() -> None:
    tall = prepare_picture(encoded(drawing(100, 20_000), "PNG"))
    assert tall.height <= 1600 * MAX_HEIGHT_PER_WIDTH
    assert tall.width >= 1


def test_a_picture_taken_sideways_is_turned_upright_before_it_is_measured() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = prepare_picture(encoded(drawing(400, 200), "JPEG", exif=exif), max_width=100)
    assert (picture.width, picture.height) == (100, 200)
    image = decoded(picture)
    assert (colour(image, 50, 10), colour(image, 50, 190)) == ("red", "blue")


def test_nothing_but_the_picture_is_kept() -> None:
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    exif.get_ifd(0x8825)[1] = "N"
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", SECRET.decode())
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for stream in (
        encoded(drawing(), "JPEG", exif=exif, comment=SECRET, icc_profile=profile, xmp=SECRET),
        encoded(drawing(), "PNG", exif=exif, pnginfo=text, icc_profile=profile),
        encoded(drawing(), "WEBP", exif=exif, xmp=SECRET, icc_profile=profile),
        encoded(drawing(), "GIF", comment=SECRET),
        io.BytesIO(encoded(drawing(), "JPEG").getvalue() + SECRET),
    ):
        assert SECRET in stream.getvalue() or b"zTXt" in stream.getvalue()
        picture = prepare_picture(stream)
        assert SECRET not in picture.content
        image = decoded(picture)
        assert not image.getexif()
        assert not {"exif", "icc_profile", "xmp", "comment"} & set(image.info)
        for chunk in (b"EXIF", b"XMP ", b"ICCP"):
            assert chunk not in picture.content


def test_colours_of_another_profile_are_converted() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert decoded(prepare_picture(encoded(drawing(), "PNG", icc_profile=lab))).size == (60, 40)
    assert decoded(prepare_picture(encoded(drawing(), "PNG", icc_profile=b"no profile"))).size == (60, 40)


def test_of_an_animation_the_first_frame_is_kept() -> None:
    frames = [Image.new("RGB", (20, 20), name) for name in ("red", "blue", "green")]
    for kind in ("GIF", "WEBP", "PNG"):
        stream = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=50)
        image = decoded(prepare_picture(stream))
        assert getattr(image, "n_frames", 1) == 1
        assert colour(image, 10, 10) == "red"


@pytest.mark.parametrize(
    "content",
    [
        b"just words",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<html><body>GIF89a</body></html>",
        b"%PDF-1.7",
        b"\x00" * 1000,
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
        encoded(drawing(), "TIFF").getvalue(),
        encoded(drawing(), "BMP").getvalue(),
        encoded(drawing(), "ICO").getvalue(),
        encoded(drawing(), "PPM").getvalue(),
    ],
)
def test_what_is_no_picture_of_a_known_kind_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="JPEG, PNG, WebP or GIF"):
        prepare_picture(io.BytesIO(content))


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        prepare_picture(io.BytesIO(b""))


def test_a_file_of_too_many_bytes_is_refused_and_not_read_to_its_end() -> None:
    stream = io.BytesIO(b"\xff\xd8\xff" + b"x" * 5_000_000)
    with pytest.raises(ValueError, match="at most 1 MB"):
        prepare_picture(stream, max_bytes=1024 * 1024)
    assert stream.tell() <= 1024 * 1024 + 1


def png_claiming(width: int, height: int) -> io.BytesIO:
    """A tiny PNG file that says it is of this size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return io.BytesIO(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1_000_000)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(8000, 5001), (11_000, 9000), (60_000, 60_000), (2**31 - 1, 2**31 - 1)])
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="too many pixels"):
        prepare_picture(png_claiming(*size))


def test_a_gif_whose_frame_is_larger_than_the_file_says_is_refused() -> None:
    content = bytearray(encoded(drawing(), "GIF").getvalue())
    at = content.index(b"\x2c")
    content[at + 5 : at + 9] = struct.pack("<HH", 60_000, 60_000)
    with pytest.raises(ValueError, match=r"pixels|damaged"):
        prepare_picture(io.BytesIO(bytes(content)))


def test_hidden_text_that_unpacks_without_end_is_refused() -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "a" * 80_000_000, zip=True)
    with pytest.raises(ValueError, match="damaged"):
        prepare_picture(encoded(drawing(), "PNG", pnginfo=text))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_file_that_breaks_off_is_refused(kind: str) -> None:
    image = Image.effect_noise((200, 200), 80).convert("RGB")
    content = encoded(image, kind).getvalue()
    with pytest.raises(ValueError, match="damaged"):
        prepare_picture(io.BytesIO(content[: len(content) // 2]))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_corrupted_file_is_read_or_refused_with_a_sentence(kind: str) -> None:
    chance = random.Random(7)
    sound = encoded(drawing(120, 80), kind).getvalue()
    for _ in range(150):
        content = bytearray(sound)
        for _ in range(chance.randint(1, 8)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        try:
            picture = prepare_picture(io.BytesIO(bytes(content)), max_pixels=1_000_000)
        except ValueError as refusal:
            sentence = str(refusal)
            assert sentence.startswith("This ")
            assert sentence.endswith(".")
        else:
            assert decoded(picture).format == "WEBP"
