"""What a package index shows of us: addresses, and a README whose links and pictures lead somewhere."""

from __future__ import annotations

import re
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REPOSITORY = "https://github.com/mlx-convert/mlx-convert"
LINKS = re.compile(r'\]\(([^)\s]+)\)|\b(?:src|srcset|href)="([^"]+)"')


@pytest.fixture(scope="module")
def metadata(dist: Path) -> Message:
    """Give METADATA of the built wheel."""
    (wheel,) = dist.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        (name,) = (name for name in opened.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(opened.read(name).decode())


def links(page: str) -> list[str]:
    text = re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)
    return ["".join(found) for found in LINKS.findall(text)]


def test_the_readme_that_an_index_shows_has_no_relative_link(metadata: Message) -> None:
    shown = links(str(metadata.get_payload()))
    assert len(shown) == len(links((ROOT / "README.md").read_text(encoding="utf-8")))
    assert [link for link in shown if not link.startswith("https://")] == []


def test_each_of_its_links_into_the_repository_is_a_file_there(metadata: Message) -> None:
    below = re.compile(rf"{re.escape(REPOSITORY)}/(raw|blob)/v{re.escape(metadata['Version'])}/(.+)")
    ours = [found for link in links(str(metadata.get_payload())) if (found := below.fullmatch(link))]
    assert len(ours) > 10
    for found in ours:
        assert (ROOT / found[2].partition("#")[0]).is_file(), found[2]
    assert {found[2] for found in ours if found[1] == "raw"} == {
        "docs/screenshots/convert-dark.png",
        "docs/screenshots/convert-light.png",
    }


def test_the_rest_of_the_readme_is_the_same(metadata: Message) -> None:
    def without_links(page: str) -> str:
        return LINKS.sub("", page).strip()

    assert without_links(str(metadata.get_payload())) == without_links((ROOT / "README.md").read_text(encoding="utf-8"))


def test_the_addresses_of_the_project_are_named(metadata: Message) -> None:
    named = dict(line.split(", ") for line in metadata.get_all("Project-URL", []))
    assert set(named) == {"Homepage", "Repository", "Documentation", "Changelog", "Issues"}
    assert all(address.startswith(REPOSITORY) for address in named.values())


@pytest.mark.parametrize(
    "page", sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]), ids=lambda path: path.name
)
def test_links_between_our_pages_lead_to_files(page: Path) -> None:
    for link in links(page.read_text(encoding="utf-8")):
        if not re.match(r"[a-z]+:|#", link):
            assert (page.parent / link.partition("#")[0]).exists(), link


def test_every_page_and_picture_of_the_documents_is_shown_somewhere() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    linked = {
        (page.parent / link.partition("#")[0]).resolve() for page in pages for link in links(page.read_text("utf-8"))
    }
    assert [path for path in (ROOT / "docs").rglob("*.*") if path not in linked] == []
