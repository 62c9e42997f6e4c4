"""How long a token takes from the model to the screen, and what that costs the server.

A plugin (ticker.py) answers with tokens at a steady rate, each with the time at which it was made; a real Chromium
shows them on the Test page and notes when each one is there. Prints a table:

    python benchmarks/ui_stream.py [--rate 100 --rate 1000] [--count 1500]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
LAG_SECONDS = 0.01
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
# Looks at the newest blocks in each frame, and notes the time once the frame is drawn.
WATCH = r"""
() => {
  const seen = (window.seen = new Map());
  const look = () => {
    const blocks = [...document.querySelectorAll(".prose .md-block")].slice(-6);
    const fresh = [];
    for (const block of blocks) {
      for (const [, number, made] of block.textContent.matchAll(/t(\d+):(\d+\.\d{4})/g)) {
        if (!seen.has(number)) fresh.push([number, made]);
      }
    }
    for (const [number] of fresh) seen.set(number, null);
    setTimeout(() => {
      const now = performance.timeOrigin + performance.now();
      for (const [number, made] of fresh) seen.set(number, now - made * 1000);
    }, 0);
    requestAnimationFrame(look);
  };
  look();
}
"""


@dataclass(frozen=True)
class Figures:
    """One run; times in milliseconds, ``cpu`` in percent of one core."""

    rate: int
    shown: int
    count: int
    delays: list[float]
    cpu: float
    lags: list[float]


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=int, action="append", help="tokens a second (default: 100, 1000)")
    parser.add_argument("--count", type=int, default=0, help="tokens (default: 15 seconds' worth, at most 8000)")
    parser.add_argument("--browser", default=shutil.which("chromium") or shutil.which("google-chrome"))
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(Path(arguments.serve))
        return
    print(f"load average at the start: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print("rate/s  tokens    lost   p50 ms   p95 ms   max ms   server CPU   loop lag p95, max ms")
    for rate in arguments.rate or [100, 1000]:
        count = arguments.count or min(8000, 15 * rate)
        with tempfile.TemporaryDirectory() as folder:
            tell(asyncio.run(measure(Path(folder), rate, count, arguments.browser)))


def tell(run: Figures) -> None:
    """Print a row."""
    delays, lags = run.delays, run.lags
    print(
        f"{run.rate:6}  {run.shown:6}  {run.count - run.shown:6}  {at(delays, 0.5):7.0f}  {at(delays, 0.95):7.0f}"
        f"  {max(delays):7.0f}  {run.cpu:9.1f} %   {at(lags, 0.95):7.1f} {max(lags):7.1f}"
    )


async def measure(folder: Path, rate: int, count: int, browser: str | None) -> Figures:
    """Start the UI, have it answer once and read what the page saw."""
    import psutil
    from playwright.async_api import async_playwright

    model = prepare(folder, rate, count)
    lag_file = folder / "lags.json"
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, str(HERE / "ui_stream.py"), "--serve", str(lag_file)),
        env={**os.environ, "MLX_CONVERT_HOME": str(folder / "home")},
        cwd=folder,
        stderr=asyncio.subprocess.PIPE,
    )
    url = await address(server)
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=browser, args=CHROMIUM)
        page = await chromium.new_page()
        await page.goto(f"{url.replace('/?', '/test?')}&model={model}")
        await page.get_by_role("button", name="Generate").wait_for()
        await page.evaluate(WATCH)
        await page.get_by_role("button", name="Generate").click()
        await page.wait_for_function("() => window.seen.size > 0", timeout=60_000)
        process = psutil.Process(server.pid)
        before, began = process.cpu_times(), time.time()
        await page.get_by_text("First token after").wait_for(timeout=120_000 + 1000 * count / rate)
        after, ended = process.cpu_times(), time.time()
        seen = await page.evaluate("() => [...window.seen.values()].filter((delay) => delay !== null)")
        text = await page.locator(".prose").text_content() or ""
        await chromium.close()
    server.send_signal(signal.SIGINT)
    await server.wait()
    cpu = 100 * (after.user + after.system - before.user - before.system) / (ended - began)
    shown = sum(f"t{number}:" in text for number in range(count))
    lags = sorted(lag for moment, lag in json.loads(lag_file.read_text()) if began < moment < ended)
    return Figures(rate, shown, count, sorted(seen), cpu, lags)


def prepare(folder: Path, rate: int, count: int) -> Path:
    """A home with the plugin, and a folder that passes for a model."""
    plugins = folder / "home/plugins"
    plugins.mkdir(parents=True)
    shutil.copy(HERE / "ticker.py", plugins)
    model = folder / "ticker"
    model.mkdir()
    (model / "config.json").write_text('{"model_type": "ticker"}')
    (model / "ticker.json").write_text(json.dumps({"rate": rate, "count": count}))
    return model


async def address(server: asyncio.subprocess.Process) -> str:
    """What the program says that it listens on."""
    assert server.stderr is not None
    async for line in server.stderr:
        if b"http://" in line:
            return "http://" + line.decode().split("http://", 1)[1].split()[0]
    raise SystemExit("the server did not start")


def serve(lag_file: Path) -> None:
    """Serve the UI as usual, with a task in its event loop that notes how late it is woken."""
    from mlx_convert_ui.shell import serving

    os.environ["NICEGUI_STORAGE_PATH"] = str(lag_file.parent / "nicegui")
    from nicegui import app, background_tasks

    lags: list[tuple[float, float]] = []

    async def watch() -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LAG_SECONDS
            await asyncio.sleep(LAG_SECONDS)
            lags.append((time.time(), 1000 * (loop.time() - due)))

    app.on_startup(lambda: background_tasks.create(watch(), name="lag"))
    app.on_shutdown(lambda: lag_file.write_text(json.dumps(lags)))
    serving.serve(port=0, browser=False)


def at(values: list[float], part: float) -> float:
    """A percentile of sorted ``values``."""
    return values[min(len(values) - 1, int(part * len(values)))]


if __name__ == "__main__":
    main()
