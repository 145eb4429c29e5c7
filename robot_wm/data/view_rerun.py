"""The same for the Rerun viewer."""

from __future__ import annotations

from pathlib import Path

import rerun

from robot_wm.data.view_series import Series


def write(series: Series, path: Path) -> None:
    """Writes a `.rrd` file, which `rerun PATH` shows."""
    recording = rerun.RecordingStream("robot_wm")
    recording.save(path)
    for camera, frames in series.frames.items():
        for time_s, jpeg in frames:
            recording.set_time("time", duration=time_s)
            recording.log(f"camera/{camera.strip('/')}", rerun.EncodedImage(contents=jpeg, media_type="image/jpeg"))
    for curve in series.curves:
        for time_s, value in zip(curve.times_s, curve.values, strict=True):
            recording.set_time("time", duration=float(time_s))
            recording.log(f"{curve.group.strip('/')}/{curve.name}", rerun.Scalars(float(value)))
    for time_s, words in series.events:
        recording.set_time("time", duration=time_s)
        recording.log("events", rerun.TextLog(words))
    recording.flush()
