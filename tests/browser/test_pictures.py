"""Pictures on the Test and Chat pages: added, looked at, sent, kept, and refused by a model that can't see."""

from __future__ import annotations

import re
import stat
import struct
import zlib
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, expect

from browser.asking import answer, ask
from browser.axe import violations
from browser.models import scripted_model
from browser.program import Program
from browser.watching import Visitor, alive
from mlx_convert_core import Workspace
from mlx_convert_core.plugin import Attachment

PLUGINS = ("scripted",)
SAID = ["Turns showed [{shown}]."]
# Puts files on the page, as a drop or as a paste: neither can be done with a mouse that has no desktop below it.
GIVE = """([kind, name, bytes, type]) => {
    const given = new DataTransfer();
    given.items.add(new File([new Uint8Array(bytes)], name, {type}));
    const options = {bubbles: true, cancelable: true};
    document.querySelector("main").dispatchEvent(kind === "drop"
        ? new DragEvent("drop", {...options, dataTransfer: given})
        : new ClipboardEvent("paste", {...options, clipboardData: given}));
}"""


@pytest.fixture(scope="module")
def seeing(program: Program, tiny_model: Path) -> Path:
    """Give a model that says how large the pictures of each turn are."""
    return scripted_model(tiny_model, program.work / "seeing", SAID, senses=["picture"])


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / 'my "cat" <b>.png'
    path.write_bytes(png(120, 90))
    return path


def test_pictures_are_added_looked_at_and_removed(visitor: Visitor, seeing: Path, photo: Path) -> None:
    page = visitor.open(f"/test?model={quote(str(seeing))}")
    add(page, photo)
    expect(thumbs(page)).to_have_count(1)
    seen(page.get_by_role("img", name=photo.name))
    for kind in ("drop", "paste"):
        page.evaluate(GIVE, [kind, f"{kind}.png", list(png(8, 8)), "image/png"])
        seen(page.get_by_role("img", name=f"{kind}.png"))
    assert violations(page) == []
    remove = page.get_by_role("button", name="Remove drop.png")
    remove.focus()
    page.keyboard.press("Enter")
    expect(thumbs(page)).to_have_count(2)
    expect(button(page)).to_be_focused()
    ask(page, "What is it?")
    expect(answer(page)).to_contain_text(f"Turns showed [{photo.stat().st_size} {len(png(8, 8))}].")
    page.reload()
    alive(page)
    expect(thumbs(page)).to_have_count(2)


def test_what_is_no_picture_and_what_is_too_large_is_refused_in_a_sentence(visitor: Visitor, seeing: Path) -> None:
    page = visitor.open(f"/test?model={quote(str(seeing))}")
    expect(button(page)).not_to_have_attribute("aria-disabled", "true")
    page.evaluate(GIVE, ["drop", "notes.txt", [65], "text/plain"])
    expect(page.get_by_role("alert")).to_contain_text("notes.txt is no picture and no sound by its name.")
    page.evaluate(GIVE, ["drop", "says.wav", [65], "audio/wav"])
    expect(page.get_by_role("alert")).to_contain_text("says.wav is not what seeing takes: pictures.")
    page.evaluate(
        """() => {
            const given = new DataTransfer();
            given.items.add(new File([new Uint8Array(100000001)], "large.png", {type: "image/png"}));
            document.body.dispatchEvent(new DragEvent("drop", {bubbles: true, cancelable: true, dataTransfer: given}));
        }"""
    )
    expect(page.get_by_role("alert")).to_contain_text("large.png has 100 MB. A file may have 100 MB: make it smaller.")
    expect(thumbs(page).filter(has=page.get_by_role("img", name="large.png"))).to_have_count(0)


def test_a_talk_keeps_its_pictures_where_they_were_shown(
    visitor: Visitor, program: Program, seeing: Path, photo: Path
) -> None:
    page = visitor.open(f"/chat?model={quote(str(seeing))}")
    add(page, photo)
    expect(thumbs(page)).to_have_count(1)
    size = photo.stat().st_size
    say(page, "Who is it?", f"Turns showed [{size}].")
    photo.unlink()
    expect(thumbs(page)).to_have_count(0)
    seen(page.get_by_role("article", name="You").get_by_role("img", name=photo.name))
    page.evaluate(GIVE, ["paste", "second.png", list(png(8, 8)), "image/png"])
    expect(thumbs(page)).to_have_count(1)
    say(page, "And here?", f"Turns showed [{size} |  | {len(png(8, 8))}].")
    say(page, "And now?", f"Turns showed [{size} |  | {len(png(8, 8))} |  | ].")
    page.goto(page.url)
    alive(page)
    for picture in page.get_by_role("img", name=photo.name), page.get_by_role("img", name="second.png"):
        seen(picture)
    assert violations(page) == []

    first = page.get_by_role("article").first
    first.hover()
    first.get_by_role("button", name="Edit and ask again").click()
    page.get_by_role("textbox", name="Your message").fill("Who is this?")
    page.get_by_role("button", name="Ask again", exact=True).click()
    expect(page.get_by_role("article")).to_have_count(2)
    expect(page.get_by_role("article").last).to_contain_text(f"Turns showed [{size}].")

    folder = program.home / "conversations" / page.url.rpartition("/")[2]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="New chat")).to_be_visible()
    assert not folder.exists()


def test_a_model_that_cannot_see_says_why_and_names_the_plugin(
    visitor: Visitor, program: Program, tiny_model: Path
) -> None:
    text = scripted_model(tiny_model, program.work / "of-text", SAID)
    blind = scripted_model(tiny_model, program.work / "blind", SAID)
    (blind / "config.json").unlink()
    (blind / "config.json").write_text('{"model_type": "llava", "vision_config": {"depth": 2}}')
    page = visitor.open(f"/chat?model={quote(str(text))}")
    expect(button(page)).to_have_attribute("data-tip", "of-text takes text alone.")
    expect(button(page)).to_have_attribute("aria-disabled", "true")
    page.evaluate(GIVE, ["paste", "cat.png", list(png(8, 8)), "image/png"])
    expect(page.get_by_role("status").filter(has_text="of-text takes text alone.")).to_be_visible()
    page.get_by_role("textbox", name="Model of this conversation: its folder").fill(str(blind))
    expect(button(page)).to_have_attribute("data-tip", re.compile("mlx-convert-vlm"))
    button(page).click(force=True)  # it is said to be disabled, and says why
    told = page.get_by_role("status").filter(has_text="the plugin mlx-convert-vlm runs it for that.")
    expect(told.get_by_role("button", name="Copy the command for a terminal")).to_be_visible()
    assert violations(page) == []


def test_a_picture_is_shown_to_nobody_without_the_key(visitor: Visitor, program: Program, seeing: Path) -> None:
    with Workspace(home=program.home) as workspace:
        picture = program.work / "mine.png"
        picture.write_bytes(png(8, 8))
        kept = workspace.conversations.create(seeing)
        kept = workspace.conversations.save(kept.with_message("user", "?", attachments=(Attachment.of(picture),)))
    page = visitor.open(f"/chat/{kept.id}")
    image = page.get_by_role("img", name="mine.png")
    seen(image)
    address = str(image.evaluate("image => image.src"))
    answered = page.request.get(address)
    assert answered.headers["content-type"] == "image/png"
    assert answered.headers["cache-control"] == "no-store"
    assert page.request.get(address.rpartition("/")[0] + "/" + kept.id + ".json").status == 404
    assert page.request.get(address.rpartition("/")[0] + "/..%2f" + kept.id + ".json").status == 404
    stranger = visitor.context()
    assert stranger.request.get(address).status == 401


def button(page: Page) -> Locator:
    return page.locator(".attach button")


def thumbs(page: Page) -> Locator:
    return page.get_by_role("list", name="Added to the message").get_by_role("listitem")


def add(page: Page, *files: Path) -> None:
    expect(button(page)).not_to_have_attribute("aria-disabled", "true")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Add pictures").click()
    chooser.value.set_files([str(path) for path in files])


def say(page: Page, text: str, answered: str) -> None:
    page.get_by_role("textbox", name="Message").fill(text)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("article").last).to_contain_text(answered)


def seen(image: Locator) -> None:
    """Wait until a picture is there, and not only its place."""
    expect(image).to_be_visible()
    expect(image).to_have_js_property("complete", True)
    assert image.evaluate("image => image.naturalWidth") > 0


def png(width: int, height: int) -> bytes:
    """A picture of stripes."""
    rows = b"".join(b"\0" + bytes((40, 90 + row % 120, 200)) * width for row in range(height))
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
