"""Answers as they reach the page: whole, in order, and harmless."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from browser.asking import answer, ask, finished, visit
from browser.axe import violations
from browser.models import scripted_model
from browser.program import Program
from browser.watching import Visitor, alive

PLUGINS = ("scripted",)
WORDS = [f"word{number}" for number in range(300)]
# Whatever a model writes: nothing of it may run, load, cover the page or look like a part of it.
PAYLOADS = (
    "<script>window.harmed = 1</script>",
    '<img src="http://evil.test/pixel.png" onerror="window.harmed = 2">',
    '<img src="/harmed.png">',
    "![a picture](http://evil.test/markdown.png)",
    '<svg onload="window.harmed = 3"><script>window.harmed = 4</script></svg>',
    '<iframe srcdoc="<script>parent.harmed = 5</script>"></iframe>',
    '<a href="javascript:window.harmed = 6">click me</a> [and me](javascript:window.harmed=7)',
    '<form action="http://evil.test/"><input name="token"><button>Sign in</button></form>',
    "<style>body { display: none } @import url(http://evil.test/x.css);</style>",
    '<div style="position: fixed; inset: 0; z-index: 9999; background: url(http://evil.test/y.png)">over it all</div>',
    '<div id="main" class="btn btn-primary dialog">not a part of this app</div>',
    '<video src="http://evil.test/v.mp4" autoplay></video><object data="http://evil.test/o"></object>',
    '<meta http-equiv="refresh" content="0; url=http://evil.test/"><base href="http://evil.test/">',
    '<details open ontoggle="window.harmed = 8"><summary>x</summary></details>',
    "```html\n<script>window.harmed = 9</script>\n```",
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=window.harmed=10&gt;">',
)
FORBIDDEN = "script, img, svg, iframe, form, input, style, video, object, meta, base, math, [style], [id], .btn-primary"


@pytest.fixture(scope="module")
def poet(program: Program, tiny_model: Path) -> Path:
    """Give a model that counts, and waits in the middle of it while there is a hold."""
    pieces = [f"{word} " for word in WORDS]
    return scripted_model(tiny_model, program.work / "poet", pieces, hold_at=150, pause=0.002)


def test_an_answer_is_whole_after_a_reload_in_a_second_tab_and_after_a_lost_connection(
    visitor: Visitor, poet: Path, held: Path
) -> None:
    visitor.allow("ERR_INTERNET_DISCONNECTED")
    first, second, third = (visit(visitor, poet) for _ in range(3))
    ask(first, "Count")
    for page in (first, second, third):
        expect(answer(page)).to_contain_text("word149")
    first.reload()
    alive(first)
    expect(answer(first)).to_contain_text("word149")
    second.context.set_offline(True)
    second.evaluate("window.socket.io.engine.close()")
    second.wait_for_function("() => !window.socket.connected")
    held.unlink()
    finished(third)
    expect(answer(second)).not_to_contain_text("word150")
    second.context.set_offline(False)
    for page in (first, second, third):
        expect(answer(page).locator(".prose")).to_have_text(" ".join(WORDS))
        finished(page)


def test_stop_ends_an_answer_and_the_next_one_begins_anew(visitor: Visitor, poet: Path, held: Path) -> None:
    page = visit(visitor, poet)
    ask(page, "Count")
    expect(answer(page)).to_contain_text("word149")
    page.get_by_role("button", name="Stop").click()
    expect(answer(page)).to_contain_text("Stopped")
    held.unlink()
    ask(page, "Count again")
    finished(page)
    expect(answer(page).locator(".prose")).to_have_text(" ".join(WORDS))


def test_numbered_lists_go_on_after_code_and_columns_keep_their_side(
    visitor: Visitor, program: Program, tiny_model: Path
) -> None:
    text = "1. One\n\n```sh\nls\n```\n\n2. Two\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n"
    page = visit(visitor, scripted_model(tiny_model, program.work / "lists", [text]))
    ask(page, "List")
    finished(page)
    said = answer(page).locator(".prose")
    expect(said.locator("ol").nth(1)).to_have_attribute("start", "2")
    expect(said.locator("td").nth(1)).to_have_attribute("align", "right")


def test_formulas_are_set_and_prices_are_not(visitor: Visitor, program: Program, tiny_model: Path) -> None:
    text = (
        "It is \\(a^2 < b_1\\), or $x_i$; it costs $5 and not $10, or \\$3.\n\nSo:\n\\[\n\\frac{a}{b}\n- c\n\\]\n\n"
        "$$\n\\sum_i \\text{one}\n$$\n\n- in a list \\(y\\)\n- `\\(code\\)`\n\n"
        "\\(\\href{javascript:window.harmed=1}{z}\\) \\(\\includegraphics{http://evil.test/x}\\) \\(\\broken{\\)\n\n"
        "**The end.**"
    )
    page = visit(visitor, scripted_model(tiny_model, program.work / "formulas", [text]))
    ask(page, "Calculate")
    finished(page)
    said = answer(page).locator(".prose")
    expect(said.locator("math").nth(4)).to_be_attached()
    expect(said.locator("msup")).to_have_count(1)
    expect(said.locator(".md-display mfrac")).to_have_count(1)
    expect(said.locator(".md-display munder, .md-display msub")).to_have_count(1)
    expect(said.locator("li math")).to_have_count(1)
    expect(said.locator("li code")).to_have_text("\\(code\\)")
    expect(said).to_contain_text("it costs $5 and not $10, or $3.")
    expect(said.locator("a, img")).to_have_count(0)
    assert page.evaluate("window.harmed") is None


def test_lists_keep_their_code_and_their_ticks(visitor: Visitor, program: Program, tiny_model: Path) -> None:
    text = "1. First:\n\n   ```python\n   print(1)\n   ```\n\n2. Then `x`\n\n- [x] done\n- [ ] open\n"
    page = visit(visitor, scripted_model(tiny_model, program.work / "ticks", [text]))
    ask(page, "List")
    finished(page)
    said = answer(page).locator(".prose")
    expect(said.locator("li .md-code")).to_contain_text("python")
    expect(said.locator("li .md-code .hljs-built_in")).to_have_text("print")
    expect(said.get_by_role("button", name="Copy this code")).to_be_visible()
    expect(said.locator("ul li").first).to_have_text("\u2611 done")
    expect(said.locator("ul li").last).to_have_text("\u2610 open")


def test_footnotes_lead_to_their_notes_and_diagrams_are_code(
    visitor: Visitor, program: Program, tiny_model: Path
) -> None:
    text = "So it is[^a].\n\n[^a]: Says *one*,\nwho knows.\n\n```mermaid\ngraph TD; A-->B\n```\n"
    page = visit(visitor, scripted_model(tiny_model, program.work / "notes", [text]))
    ask(page, "Note")
    finished(page)
    said = answer(page).locator(".prose")
    said.get_by_role("button", name="Footnote a").click()
    note = said.locator("[data-footnote=a]")
    expect(note).to_be_focused()
    expect(note).to_have_text("a Says one,\nwho knows.")
    diagram = said.locator(".md-code")
    expect(diagram).to_contain_text("mermaid")
    expect(diagram.locator("pre")).to_have_text("graph TD; A-->B")
    assert diagram.locator("code").evaluate("code => getComputedStyle(code).fontVariantLigatures") == "none"
    assert violations(page) == []


def test_what_is_written_from_the_right_runs_from_the_right(
    visitor: Visitor, program: Program, tiny_model: Path
) -> None:
    arabic = "\u0639\u0627\u0635\u0645\u0629"
    text = f"{arabic} (Paris) 123.\n\n1. {arabic}\n\nIn English.\n\n```\nls\n```\n"
    page = visit(visitor, scripted_model(tiny_model, program.work / "arabic", [text]))
    ask(page, "Where?")
    finished(page)
    said = answer(page).locator(".prose")
    for part, side in (("p", "rtl"), ("ol", "rtl"), ("p >> nth=1", "ltr")):
        expect(said.locator(part).first).to_have_css("direction", side)
        expect(said.locator(part).first).to_have_attribute("dir", side)


def test_nothing_that_a_model_writes_runs_loads_or_covers_the_page(
    visitor: Visitor, program: Program, tiny_model: Path
) -> None:
    pieces = [f"{payload}\n\n" for payload in PAYLOADS]
    model = scripted_model(tiny_model, program.work / "stranger", [*pieces, "**The end.**"])
    visitor.allow("base-uri")  # the browser's own word on the last payload but two
    visitor.allow("Executing inline event handler violates")  # and on those that it did not run
    page = visit(visitor, model)
    asked_for: list[str] = []
    page.on("request", lambda request: asked_for.append(request.url))
    ask(page, "Attack")
    finished(page)
    _is_unharmed(page)
    page.reload()  # the same text again, this time as a whole
    alive(page)
    finished(page)
    _is_unharmed(page)
    assert not [url for url in asked_for if "evil" in url or "harmed" in url]


def _is_unharmed(page: Page) -> None:
    said = answer(page).locator(".prose")
    expect(said.get_by_text("The end.")).to_be_visible()
    expect(said.get_by_text("<script>window.harmed = 9</script>")).to_be_visible()
    assert page.evaluate("window.harmed") is None
    forbidden = (
        "script, img, svg, iframe, form, input, style, video, object, meta, base, math, [style], [id], .btn-primary"
    )
    expect(said.locator(forbidden)).to_have_count(0)
    links = said.locator("a").evaluate_all("links => links.map(link => link.href)")
    assert all(link.startswith(("http:", "https:", "mailto:")) or not link for link in links)
