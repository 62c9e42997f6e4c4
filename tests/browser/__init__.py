"""The real program in a real browser. A package, so that Playwright's event loop ends with these tests."""
