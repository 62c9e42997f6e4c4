"""What is shown of a button while the pointer is on it stays inside the window."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from browser.models import copy_model, shelve
from browser.program import Program
from browser.watching import Visitor

# Shows every tip at once, and says by how many pixels the page is wider than its window then.
SIDEWAYS = """() => {
  for (const sheet of document.styleSheets)
    for (const [at, rule] of [...sheet.cssRules].entries())
      if (rule.selectorText?.startsWith("[data-tip]:hover::after"))
        sheet.insertRule(`[data-tip]::after { ${rule.style.cssText} }`, at);
  if (getComputedStyle(document.querySelector("[data-tip]"), "::after").position !== "absolute") return NaN;
  return document.documentElement.scrollWidth - innerWidth;
}"""


def test_no_tip_makes_a_page_wider(visitor: Visitor, program: Program, tiny_model: Path) -> None:
    model = copy_model(tiny_model, program.work / "tiny-llama")
    shelve(program.home, model)
    context = visitor.context()
    pages = ("/", "/test", "/chat", "/compare", "/library", "/queue", "/plugins", "/settings")
    for path in (*pages, f"/model?folder={quote(str(model))}"):
        page = visitor.open(path, context=context)
        for width in (560, 390):
            page.set_viewport_size({"width": width, "height": 860})
            assert page.evaluate(SIDEWAYS) == 0, f"{path}, {width} px wide"
