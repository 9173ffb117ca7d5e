"""Pictures that people upload: opened with suspicion, always encoded anew."""

import hashlib
import io
import struct
import warnings
import zlib
from typing import IO

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from core.records import dataclass

MAX_BYTES = 12 * 1024 * 1024
MAX_PIXELS = 40_000_000
MAX_WIDTH = 1600

# A picture may be tall, but not endless: WebP ends at 16,383 and readers' patience before.
MAX_HEIGHT_PER_WIDTH = 4

FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
QUALITY = 82
MIME = "image/webp"

WRONG_KIND = "This file is not a picture we can read. Please use a JPEG, PNG, WebP or GIF file."
DAMAGED = "This picture is damaged or incomplete. Please save it again and try once more."

# What Pillow's decoders raise for files that are not what they claim to be.
_DECODING_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
    AttributeError,
    EOFError,
    MemoryError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)

# Pillow only warns of pictures that are merely far too large.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture ready to be stored and served; `sha256` (hexadecimal) names its content."""

    content: bytes
    width: int
    height: int
    mime: str
    sha256: str


def prepare_picture(
    stream: IO[bytes], *, max_bytes: int = MAX_BYTES, max_pixels: int = MAX_PIXELS, max_width: int = MAX_WIDTH
) -> Picture:
    """The picture in the stream as WebP: upright, at most `max_width` pixels wide, and nothing but a picture.

    What it is is told by its content, never by a name. Of an animation the first frame is kept. Place, camera,
    comments and all other data in the file are gone; colours are converted to sRGB. The size is checked before
    anything is decoded. Raises ValueError with a sentence for the person who uploaded it.
    """
    data = stream.read(max_bytes + 1)
    if not data:
        raise ValueError("This file is empty. Please choose a picture.")
    if len(data) > max_bytes:
        raise ValueError(f"This picture is too large. It can have at most {max_bytes // (1024 * 1024)} MB.")
    image = _opened(data)
    if image.width * image.height > max_pixels:
        raise ValueError(
            f"This picture has too many pixels ({image.width} × {image.height}). Please make it smaller first."
        )
    try:
        return _encoded(_reduced(image, max_width))
    except _DECODING_ERRORS as error:
        raise ValueError(DAMAGED) from error


def smaller_picture(content: bytes, width: int) -> bytes | None:
    """A picture that `prepare_picture` made, as WebP of so many pixels in width; None if it is no wider than that.

    Raises ValueError where the content is damaged.
    """
    image = _opened(content)
    if image.width <= width:
        return None
    try:
        height = max(1, round(image.height * width / image.width))
        return _encoded(image.resize((width, height), Image.Resampling.LANCZOS)).content  # a WebP is RGB or RGBA
    except _DECODING_ERRORS as error:
        raise ValueError(DAMAGED) from error


def _opened(data: bytes) -> Image.Image:
    """The picture with its header read and nothing decoded yet."""
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError("This picture has too many pixels. Please make it smaller first.") from error
    except UnidentifiedImageError as error:
        raise ValueError(WRONG_KIND) from error
    except _DECODING_ERRORS as error:
        raise ValueError(DAMAGED) from error


def _reduced(image: Image.Image, max_width: int) -> Image.Image:
    # JPEG can be decoded at a fraction of its size; twice the width leaves enough to reduce well.
    image.draft(None, (2 * max_width, 2 * max_width))
    profile = image.info.get("icc_profile")
    image.load()
    upright = _upright(image)
    plain = _in_plain_mode(upright)
    plain.thumbnail((max_width, max_width * MAX_HEIGHT_PER_WIDTH), Image.Resampling.LANCZOS)
    return _in_srgb(plain, profile)


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except _DECODING_ERRORS:
        # Unreadable data beside a sound picture: it goes anyway, only the turning is lost.
        return image


def _in_plain_mode(image: Image.Image) -> Image.Image:
    """The picture in a mode that can be resized well: grey, RGB, RGBA, or CMYK until its colours are converted."""
    if image.mode.startswith("I;16"):
        return image.point(lambda value: value * (1 / 256)).convert("L")
    if image.mode in ("L", "RGB", "CMYK"):
        return image.convert("RGBA") if "transparency" in image.info else image.copy()
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if profile:
        wanted = "RGBA" if image.mode == "RGBA" else "RGB"
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=wanted)
        except (ImageCms.PyCMSError, *_DECODING_ERRORS):
            # A profile that does not fit the picture is common, and its colours are near enough without.
            converted = None
        if converted is not None:
            return converted
    return image if image.mode in ("RGB", "RGBA") else image.convert("RGB")


def _encoded(image: Image.Image) -> Picture:
    image.info.clear()
    out = io.BytesIO()
    image.save(out, "WEBP", quality=QUALITY, exif=b"", xmp=b"", icc_profile=b"")
    content = out.getvalue()
    return Picture(content, image.width, image.height, MIME, hashlib.sha256(content).hexdigest())
