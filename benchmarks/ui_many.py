"""How the app in the browser bears much: a library of models, many conversations, a long answer.

A home with that much is made, a real Chromium opens pages, and a table says how long each took until it could be used,
the longest task of the browser meanwhile, and what memory the server has then:

    python benchmarks/ui_many.py [--models 10000] [--chats 2000] [--tokens 8000]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ui_stream import CHROMIUM, address, prepare

RATE = 200  # tokens a second
# Notes the tasks of the main thread that take longer than 50 ms, and when the page hears a click.
WATCH = """
window.tasks = [];
new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((task) => task.duration)))
  .observe({ type: "longtask", buffered: true });
const look = () => {
  if (window.socket?.connected && document.querySelector("h1")) window.usable = performance.now();
  else setTimeout(look, 5);
};
look();
"""
SAID = "A river runs from the mountains to the sea, and salt stays behind where it dries. "


def main() -> None:
    """Make a home, look at it and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=10_000)
    parser.add_argument("--chats", type=int, default=2_000)
    parser.add_argument("--tokens", type=int, default=8_000)
    parser.add_argument("--browser", default=shutil.which("chromium") or shutil.which("google-chrome"))
    arguments = parser.parse_args()
    print(f"load average at the start: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder), arguments))
    print(f"load average at the end: {os.getloadavg()[0]:.1f}")


async def measure(folder: Path, arguments: argparse.Namespace) -> None:
    """Start the app and open one page after the other."""
    import psutil
    from playwright.async_api import async_playwright

    model = prepare(folder, RATE, arguments.tokens)
    home = folder / "home"
    (home / "ui.json").write_text('{"welcomed": true}')
    add_models(home, folder / "models", arguments.models)
    add_chats(home, model, arguments.chats)
    command = (str(Path(sys.executable).with_name("mlx-convert")), "ui", "--no-browser")
    server = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env={**os.environ, "MLX_CONVERT_HOME": str(home)}, stderr=asyncio.subprocess.PIPE
    )
    url = await address(server)
    process = psutil.Process(server.pid)
    print(f"server at the start: {memory(process)}")
    print("page                            usable ms   longest task ms   elements   server")
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=arguments.browser, args=CHROMIUM)
        page = await chromium.new_page()
        await page.add_init_script(WATCH)
        await page.goto(url)
        for path in ("/settings", "/library", f"/test?model={model}", "/chat", "/chat"):
            await page.goto(url.split("/?")[0] + path)
            await page.wait_for_function("() => window.usable")
            await page.wait_for_timeout(2000)
            await tell(page, path.split("?")[0], process)
        await page.goto(f"{url.split('/?')[0]}/test?model={model}")
        await page.wait_for_function("() => window.usable")
        await page.wait_for_timeout(1000)
        await page.evaluate("window.tasks = []")
        await page.get_by_role("button", name="Generate").click()
        await page.get_by_text("First token after").wait_for(timeout=60_000 + 2000 * arguments.tokens / RATE)
        await tell(page, f"answer of {arguments.tokens:,} tokens", process)
        await chromium.close()
    server.send_signal(signal.SIGINT)
    await server.wait()


async def tell(page: object, name: str, process: object) -> None:
    """Print a row."""
    usable, longest, elements = await page.evaluate(  # type: ignore[attr-defined]
        "[window.usable, Math.max(0, ...window.tasks), document.querySelectorAll('*').length]"
    )
    print(f"{name:30}  {usable:9.0f}   {longest:15.0f}   {elements:8}   {memory(process)}")


def memory(process: object) -> str:
    """What the server holds; models answer in a process of their own."""
    return f"{process.memory_info().rss / 1e6:.0f} MB"  # type: ignore[attr-defined]


def add_models(home: Path, folder: Path, count: int) -> None:
    """Put ``count`` folders that pass for models into the library, as so many conversions would."""
    from mlx_convert_core import LibraryEntry, to_json
    from mlx_convert_core.plugin import plain

    entries = []
    for number in range(count):
        path = folder / f"Model-{number:05}-MLX-4bit"
        path.mkdir(parents=True)
        (path / "config.json").write_text('{"model_type": "llama"}')
        size = 10**9 + number
        entries.append(
            LibraryEntry(name=path.name, path=path, size=size, bits_per_weight=4.5, quantization="4 bit", source="a/b")
        )
    (home / "library.json").write_bytes(to_json({"schema": 1, "entries": plain(entries)}))


def add_chats(home: Path, model: Path, count: int) -> None:
    """Keep ``count`` conversations of ten turns, an hour between each."""
    from mlx_convert_core import to_json
    from mlx_convert_core.plugin import Conversation, StoredMessage, plain

    folder = home / "conversations"
    folder.mkdir()
    for number in range(count):
        time = (datetime.now(UTC) - timedelta(hours=number)).isoformat(timespec="microseconds")
        turns = [(role, SAID * (1 if role == "user" else 15)) for role in ("user", "assistant")] * 5
        said = tuple(StoredMessage(role=role, content=text, time=time) for role, text in turns)
        title = f"Question {number}"
        talk = Conversation(id=f"{number:08x}", title=title, model=model, created=time, updated=time, messages=said)
        (folder / f"{talk.id}.json").write_bytes(to_json({**plain(talk), "schema": 1}))


if __name__ == "__main__":
    main()
