"""Smaller sizes of pictures: what a page offers, what is made and kept, and what nobody can make this program do."""

import io
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path

import pytest
from flask import Flask
from PIL import Image

from blueprints.articles import service
from blueprints.articles.picture_sizes import CARD_SHAPE, WIDTHS, asked_size, srcset
from blueprints.articles.service import remove_picture, store_picture, write_picture
from core.db import transaction
from core.images import Picture, prepare_picture
from tests.browser import Browser
from tests.factories import make_article, make_site

STEM = "ab" * 32


@pytest.fixture
def data(app: Flask) -> Iterator[Path]:
    """DATA_DIR, with no sizes from before and none left behind."""
    make_site()
    folder = Path(app.config["SETTINGS"].data_dir)
    yield folder
    sizes = folder / service.SIZES
    if sizes.is_file():
        sizes.unlink()
    shutil.rmtree(sizes, ignore_errors=True)
    service._unwritten.clear()


def a_picture(width: int = 1000, height: int = 600, colour: str = "navy") -> Picture:
    """A picture as an editor's upload leaves it."""
    stream = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(stream, "PNG")
    stream.seek(0)
    made = prepare_picture(stream)
    write_picture(made)
    return made


def images_of(page: str) -> list[dict[str, str]]:
    tags = re.findall(r"<img [^>]*>", page)
    return [{name: unescape(value) for name, value in re.findall(r'([a-z]+)="([^"]*)"', tag)} for tag in tags]


@pytest.mark.parametrize(
    ("width", "offered"), [(1600, ["400w", "800w", "1200w", "1600w"]), (801, ["400w", "800w", "801w"]),
                           (800, ["400w", "800w"]), (400, []), (90, [])]
)  # fmt: skip
def test_a_page_offers_only_sizes_that_there_are(client: Browser, data: Path, width: int, offered: list[str]) -> None:
    made = a_picture(width, width * 2 // 3)
    with transaction() as session:
        picture_id = store_picture(session, made, None).id
    article = make_article("With a picture", picture_id=picture_id, picture_alt="Something blue")
    url = f"/pictures/{made.sha256}.webp"
    for path in ("/", f"/articles/{article.slug}"):
        page = client.get(path).get_data(as_text=True)
        (image,) = [each for each in images_of(page) if each["src"] == url]
        pairs = [each.split() for each in image.get("srcset", "").split(", ") if each]
        assert ("sizes" in image) == bool(offered)
        assert len(pairs) == len(offered)
        if path != "/":
            assert [said for _, said in pairs] == offered
            assert (image["width"], image["height"]) == (str(made.width), str(made.height))
        for address, _ in pairs:
            answer = client.get(address)
            assert answer.status_code == 200, address
            assert Image.open(io.BytesIO(answer.data)).width in {*WIDTHS, made.width}
    assert f'og:image" content="http://localhost{url}"' in client.get(f"/articles/{article.slug}").get_data(as_text=True)


def test_what_a_card_cuts_off_a_panorama_does_not_count_for_its_width() -> None:
    url, small = f"/pictures/{STEM}.webp", f"/pictures/{STEM}-400.webp"
    assert srcset(url, 700, 350) == f"{small} 400w, {url} 700w"
    assert srcset(url, 700, 350, shape=CARD_SHAPE) == f"{small} 300w, {url} 525w"
    assert srcset(url, 700, 1400, shape=CARD_SHAPE) == f"{small} 400w, {url} 700w", "nothing is cut off at its sides"
    assert srcset(f"/pictures/{STEM}.gif", 700, 350) == ""


@pytest.mark.once
def test_a_size_is_made_when_it_is_first_asked_for_and_sent_like_the_picture_itself(client: Browser, data: Path) -> None:
    made = a_picture()
    path = data / service.SIZES / f"{made.sha256}-400.webp"
    assert not path.exists()
    whole, small = client.get(f"/pictures/{made.sha256}.webp"), client.get(f"/pictures/{made.sha256}-400.webp")
    image = Image.open(io.BytesIO(small.data))
    assert (small.status_code, small.mimetype, image.format, image.size) == (200, "image/webp", "WEBP", (400, 240))
    assert path.read_bytes() == small.data
    assert list(path.parent.iterdir()) == [path], "nothing half written beside it"
    own = {"Content-Length", "Content-Disposition", "ETag", "Last-Modified", "X-Request-ID"}
    assert set(dict(whole.headers)) == set(dict(small.headers))
    assert {n: v for n, v in whole.headers if n not in own} == {n: v for n, v in small.headers if n not in own}
    assert "immutable" in small.headers["Cache-Control"]
    again = client.get(f"/pictures/{made.sha256}-400.webp", headers={"If-None-Match": small.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    head = client.http.head(f"/pictures/{made.sha256}-400.webp")
    assert (head.status_code, head.data, head.content_length) == (200, b"", len(small.data))


@pytest.mark.once
def test_a_clear_picture_stays_clear(client: Browser, data: Path) -> None:
    stream = io.BytesIO()
    Image.new("RGBA", (900, 300), (200, 0, 0, 0)).save(stream, "PNG")
    stream.seek(0)
    made = prepare_picture(stream)
    write_picture(made)
    small = Image.open(io.BytesIO(client.get(f"/pictures/{made.sha256}-800.webp").data))
    assert (small.mode, small.size) == ("RGBA", (800, 267))
    assert small.getchannel("A").getextrema() == (0, 0)


@pytest.mark.once
def test_no_other_size_can_be_had_than_the_few(client: Browser, data: Path) -> None:
    sha = a_picture(1000).sha256
    names = [
        f"{sha}-401.webp", f"{sha}-0400.webp", f"{sha}-4000.webp", f"{sha}-0.webp", f"{sha}--400.webp", f"{sha}-400.png",
        f"{sha}-400", f"{sha}-400.webp.webp", f"{sha}-400-400.webp", f"{sha}-٤٠٠.webp", f"{sha.upper()}-400.webp",
        f"{sha}-1200.webp", f"{'0' * 64}-400.webp", f"{sha[:-1]}-400.webp", "x-400.webp", "-400.webp",
        f"../pictures/{sha}-400.webp", f"..%2f{service.SIZES}%2f{sha}-400.webp", f"%2e%2e/{sha}-400.webp", f"{sha}-400.webp%00",
        f"{sha}-400.webp%0a", f"{sha}/400.webp",
    ]  # fmt: skip
    assert {name: client.get(f"/pictures/{name}").status_code for name in names} == dict.fromkeys(names, 404)
    assert not (data / service.SIZES).exists()
    assert asked_size(f"{sha}-400.webp\n") is None


@pytest.mark.once
def test_many_at_once_make_one_good_file(app: Flask, data: Path) -> None:
    made = a_picture(1600, 1200, "maroon")
    addresses = [f"/pictures/{made.sha256}-{width}.webp" for width in WIDTHS] * 4
    with ThreadPoolExecutor(len(addresses)) as people:
        answers = list(people.map(lambda address: app.test_client().get(address), addresses))
    assert {answer.status_code for answer in answers} == {200}
    assert [Image.open(io.BytesIO(answer.data)).width for answer in answers] == list(WIDTHS) * 4
    assert sorted(path.name for path in (data / service.SIZES).iterdir()) == sorted(
        f"{made.sha256}-{width}.webp" for width in WIDTHS
    )


@pytest.mark.once
def test_where_no_size_can_be_kept_it_is_sent_all_the_same(client: Browser, data: Path) -> None:
    made = a_picture(colour="teal")
    (data / service.SIZES).write_text("a file where the folder should be: root too can write nothing below it")
    whole = client.get(f"/pictures/{made.sha256}.webp")
    first, second = (client.get(f"/pictures/{made.sha256}-400.webp") for _ in range(2))
    assert (first.status_code, first.mimetype, first.data) == (200, "image/webp", second.data)
    assert Image.open(io.BytesIO(first.data)).size == (400, 240)
    assert set(dict(whole.headers)) - set(dict(first.headers)) == {"Last-Modified"}
    assert first.headers["Cache-Control"] == whole.headers["Cache-Control"]
    known = client.get(f"/pictures/{made.sha256}-400.webp", headers={"If-None-Match": first.headers["ETag"]})
    assert known.status_code == 304
    for number in range(service.UNWRITTEN + 3):
        other = a_picture(401, 10 + number)
        assert client.get(f"/pictures/{other.sha256}-400.webp").status_code == 200
    assert len(service._unwritten) == service.UNWRITTEN
    (data / service.SIZES).unlink()
    assert client.get(f"/pictures/{other.sha256}-400.webp").status_code == 200
    assert len(service._unwritten) == service.UNWRITTEN - 1, "kept where it belongs, as soon as there is room"
    assert [path.name for path in (data / service.SIZES).iterdir()] == [f"{other.sha256}-400.webp"]


@pytest.mark.once
def test_sizes_that_were_lost_are_made_anew_and_go_with_their_picture(client: Browser, data: Path) -> None:
    made = a_picture(colour="olive")
    address = f"/pictures/{made.sha256}-800.webp"
    before = client.get(address).data
    shutil.rmtree(data / service.SIZES)
    assert client.get(address).data == before
    original = data / "pictures" / f"{made.sha256}.webp"
    content = original.read_bytes()
    original.unlink()
    assert client.get(address).status_code == 404, "whoever takes the picture away takes all of it"
    original.write_bytes(content[:200])
    (data / service.SIZES / f"{made.sha256}-800.webp").unlink()
    assert client.get(address).status_code == 404, "damaged"
    original.write_bytes(content)
    assert client.get(address).data == before
    remove_picture(original)
    assert not original.exists()
    assert list((data / service.SIZES).iterdir()) == []
