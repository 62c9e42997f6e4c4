"""What can be seen to be wrong with a page: what axe-core objects to, what sticks out, and words that are cut off."""

from __future__ import annotations

from playwright.sync_api import Page

from browser.axe import violations

HEIGHT = 860
WIDTHS = (1280, 390)
# Words that are wider than what they stand in, and so cut off or over something else. What has a name in full
# elsewhere (a title, a path) may end in dots.
_CUT_OFF = """() => [...document.querySelectorAll(
    '.btn, .nav-link, .badge, .segment, .card-title, .field-label, .dialog-title, .menu-item, h1')]
    .filter(one => one.offsetParent && getComputedStyle(one).display !== 'inline')
    .filter(one => one.scrollWidth > one.clientWidth + 1 && !one.title && !one.matches('.chat-title'))
    .map(one => `cut off: ${one.className}: ${one.textContent}`)"""
# What lies over the page has its own edges: a part of it beyond the screen can't be scrolled to.
_OUTSIDE = """() => [...document.querySelectorAll('.dialog, .q-menu')]
    .map(one => [one, one.getBoundingClientRect()])
    .filter(([, box]) => box.width && (box.left < -1 || box.right > innerWidth + 1))
    .map(([one, box]) => `outside of the screen: ${one.className}: ${box.left} to ${box.right}`)"""
# A dialog may be taller than the screen; its last button, Upload or Delete, is then scrolled to, inside of it.
_OUT_OF_REACH = """() => [...document.querySelectorAll('.dialog')]
    .map(dialog => [dialog, [...dialog.querySelectorAll('button')].filter(one => one.offsetParent).at(-1)])
    .filter(([dialog, last]) => {
        last?.scrollIntoView({block: 'nearest'});
        const bottom = last?.getBoundingClientRect().bottom ?? 0;
        return bottom > Math.min(innerHeight, dialog.getBoundingClientRect().bottom) + 1;
    })
    .map(([, last]) => `out of reach: ${last.textContent}`)"""


def faults(page: Page) -> list[str]:
    """All of it, as the page is now; each in a line."""
    return [
        *violations(page),
        *sticking_out(page),
        *cut_off(page),
        *page.evaluate(_OUTSIDE),
        *out_of_reach(page),
    ]


def cut_off(page: Page) -> list[str]:
    """The words that have no room."""
    found: list[str] = page.evaluate(_CUT_OFF)
    return found


def out_of_reach(page: Page) -> list[str]:
    """The last button of each dialog that can't be scrolled to."""
    found: list[str] = page.evaluate(_OUT_OF_REACH)
    return found


def sticking_out(page: Page) -> list[str]:
    """By how much the page is wider than its window."""
    over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return [f"{over} px stick out"] if over > 0 else []
