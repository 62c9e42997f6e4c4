"""What axe-core has to say about a page: every rule of WCAG 2.2 AA and its own best practice."""

from __future__ import annotations

from collections.abc import Sequence

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

COLOURS = ("color-contrast", "link-in-text-block")  # the rules that another theme may break
_RUN = "options => axe.run(options).then(found => found.violations)"
# A page that still draws itself is looked at half in one state and half in the next: a button that is enabled meanwhile
# counts as too pale. A clock on the page ticks once a second, so a third of that is quiet; 20 s are for a busy machine.
_QUIET = """() => new Promise(done => {
    let timer = setTimeout(done, 350);
    const watch = new MutationObserver(() => { clearTimeout(timer); timer = setTimeout(done, 350); });
    watch.observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
    setTimeout(done, 20000);
})"""


def violations(page: Page, rules: Sequence[str] = ()) -> list[str]:
    """Each as one line with the elements concerned, ready to be read in a failed test; of ``rules`` alone if given."""
    page.evaluate(_QUIET)
    if page.evaluate("window.axe === undefined"):
        page.evaluate(Axe().axe_script)
    only = {"runOnly": {"type": "rule", "values": list(rules)}} if rules else {}
    found = page.evaluate(_RUN, {"resultTypes": ["violations"], **only})
    return [
        f"{one['id']} ({one['impact']}): {one['help']}: {node['html'][:200]} {_why(node)}"
        for one in found
        for node in one["nodes"]
    ]


def _why(node: dict[str, object]) -> str:
    return str(node.get("failureSummary", "")).replace("\n", " ")[:300]
