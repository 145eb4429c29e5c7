"""A disk that is really full: a tmpfs of 3 MiB in a mount namespace of its own, or a limit on the size of a file."""

import subprocess
import sys

import pytest

from robot_wm.data import Dataset

FILL = """
import sys
import numpy as np
from pathlib import Path
from robot_wm.contract import TABLETOP
from robot_wm.data import Dataset, DatasetWriter, Episode
from robot_wm.errors import DatasetError
root = Path(sys.argv[1])
rng = np.random.default_rng(0)
def episode():
    images = rng.integers(0, 255, (8, 96, 96, 3), dtype=np.uint8)
    zeros = np.zeros((8, 8), np.float32)
    return Episode(images, zeros, zeros[:, :7].copy(), np.arange(8.0), "push")
written = []
try:
    with DatasetWriter(root, TABLETOP, file_mib=1, flush_s=0.0) as writer:
        while len(written) < 100:
            item = episode()
            writer.add(item)
            written.append(item)
except DatasetError as error:
    print(error)
else:
    sys.exit("the disk was never full")
kept = list(Dataset.open(root))
assert len(kept) >= len(written) >= 2, (len(kept), len(written))
assert all(np.array_equal(got.images, item.images) for got, item in zip(kept, written))
assert not list(root.rglob("*.partial"))
"""


def test_a_full_disk_names_the_file_and_keeps_what_is_finished(tmp_path):
    mount = f"mount -t tmpfs -o size=3m none {tmp_path}"
    namespace = ["unshare", "--mount", "--map-root-user", "sh", "-c"]
    if subprocess.run([*namespace, mount], capture_output=True).returncode != 0:
        pytest.skip("mount namespaces are not allowed here")
    run = [*namespace, f'{mount} && exec "$0" -c "$1" {tmp_path}/d', sys.executable, FILL]
    done = subprocess.run(run, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert "bytes could not be written (No space left on device)" in done.stdout
    assert str(tmp_path / "d") in done.stdout and "bytes left" in done.stdout


def test_a_write_that_fails_half_way_keeps_what_is_finished(tmp_path):
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (700_000, 700_000));"
    limit += "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    run = [sys.executable, "-c", limit + FILL, str(tmp_path / "d")]
    done = subprocess.run(run, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert "bytes could not be written (File too large)" in done.stdout
    assert len(Dataset.open(tmp_path / "d")) >= 2
