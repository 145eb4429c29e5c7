"""A headless Chromium with the console in it, and where on the screen a point of the scene is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SIZE = {"width": 1440, "height": 900}
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")
"""WebGL without a graphics card."""


def program() -> str:
    """Path of Chromium; skips the test where there is none."""
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(PROGRAMS)} is installed; run: apt-get install chromium")
    return found


@contextmanager
def browser_page(scratch: Path) -> Iterator[Any]:
    """An empty page of Playwright, in a browser that leaves the nodes their share of a small computer."""
    from playwright.sync_api import sync_playwright

    polite = scratch / "polite_browser"
    polite.write_text(f'#!/bin/sh\nexec nice -n 10 {program()} "$@"\n', encoding="ascii")
    polite.chmod(0o755)
    options = [*OPTIONS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]  # Chromium has no sandbox for root
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=polite, args=options)
        page = browser.new_page(viewport=SIZE)
        page.set_default_timeout(60_000)
        yield page
        browser.close()


def canvas_of(page: Any) -> tuple[float, float, float, float]:
    """x, y, width and height of the scene on the page, pixels."""
    boxes = [canvas.bounding_box() for canvas in page.locator("canvas").all()]
    box = max((box for box in boxes if box), key=lambda box: box["width"] * box["height"])
    return box["x"], box["y"], box["width"], box["height"]


def on_screen(page: Any, point: np.ndarray) -> tuple[float, float]:
    """Where on the page a point (3,) of the base frame is, as long as nobody has turned the scene."""
    from ros_nodes.console.stage import EYE, FOV_RAD, LOOK_AT

    forward = np.subtract(LOOK_AT, EYE) / np.linalg.norm(np.subtract(LOOK_AT, EYE))
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    up, way = np.cross(right, forward), point - np.array(EYE)
    left, top, width, height = canvas_of(page)
    scale = 0.5 * height / np.tan(0.5 * FOV_RAD) / float(way @ forward)
    return left + 0.5 * width + scale * float(way @ right), top + 0.5 * height - scale * float(way @ up)
