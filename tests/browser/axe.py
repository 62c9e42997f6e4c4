"""What axe-core has to say about a page: every rule of WCAG 2.2 AA and its own best practice."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

OPTIONS = {"resultTypes": ["violations"]}


def violations(page: Page) -> list[str]:
    """Each as one line with the elements concerned, ready to be read in a failed test."""
    found = Axe().run(page, options=OPTIONS).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): {one['help']}: {node['html'][:200]} {_why(node)}"
        for one in found
        for node in one["nodes"]
    ]


def _why(node: dict[str, object]) -> str:
    return str(node.get("failureSummary", "")).replace("\n", " ")[:300]
