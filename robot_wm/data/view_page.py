"""One HTML file with everything in it: frames to scrub through, curves and events."""

from __future__ import annotations

import base64
import html
import json
from pathlib import Path

from robot_wm.data.files import write_atomic
from robot_wm.data.view_series import Series

_TEMPLATE = Path(__file__).parent / "view_page.html"


def write(series: Series, path: Path) -> None:
    """Writes the page; DatasetError where that fails."""
    write_atomic(path, page(series).encode())


def page(series: Series) -> str:
    """The page as text; it loads nothing from anywhere."""
    content = {
        "frames": {
            name: [[round(time_s, 4), _url(jpeg)] for time_s, jpeg in shown] for name, shown in series.frames.items()
        },
        "curves": [
            {
                "group": curve.group,
                "name": f"{curve.name} ({curve.unit})" if curve.unit not in ("", "1") else curve.name,
                "t": [round(float(value), 4) for value in curve.times_s],
                "v": [float(f"{float(value):.6g}") for value in curve.values],
            }
            for curve in series.curves
        ],
        "events": [[round(time_s, 4), words] for time_s, words in series.events],
    }
    data = json.dumps(content, allow_nan=False).replace("<", "\\u003c")
    text = _TEMPLATE.read_text(encoding="utf-8")
    return text.replace("{{title}}", html.escape(series.title)).replace("{{data}}", data)


def _url(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
