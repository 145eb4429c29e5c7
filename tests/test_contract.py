import dataclasses

import numpy as np
import pytest

from robot_wm.contract import TABLETOP, Contract
from robot_wm.errors import ContractError, ObservationError


def test_yaml_round_trip_keeps_everything(tmp_path):
    path = tmp_path / "contract.yaml"
    path.write_text(TABLETOP.to_yaml(), encoding="utf-8")
    assert Contract.load(path) == TABLETOP


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ContractError, match="nothing.yaml: no such contract file"):
        Contract.load(tmp_path / "nothing.yaml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("step_s: 0.2", "", "missing keys"),
        ("step_s: 0.2", "step_s: 0.2\nstep_ms: 200", "unknown keys.*step_ms"),
        ("step_s: 0.2", "step_s: fast", "wrong type"),
        ("step_s: 0.2", "step_s: -1", "positive number of seconds"),
        ("step_s: 0.2", "step_s: [", "not valid YAML"),
        ("  topic: camera/image_raw\n", "", "camera camera: missing keys.*topic"),
    ],
)
def test_malformed_files_say_what_is_wrong(old, new, message):
    text = TABLETOP.to_yaml()
    assert old in text
    with pytest.raises(ContractError, match=message):
        Contract.from_yaml(text.replace(old, new))


@pytest.mark.parametrize("text", ["", "- 1\n- 2\n", "just words"])
def test_a_file_that_is_no_mapping_is_refused(text):
    with pytest.raises(ContractError, match="expected a mapping"):
        Contract.from_yaml(text, "bad.yaml")


def test_yaml_tags_run_no_code():
    with pytest.raises(ContractError, match="not valid YAML"):
        Contract.from_yaml("!!python/object/apply:os.getcwd []")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cameras": ()}, "no camera"),
        ({"action_low": (0.0,) * 6}, "6 and 7 values; 7 are needed"),
        ({"action_low": (1.0,) * 7}, "not finite and ordered"),
        ({"workspace_high": (float("nan"), 1.0, 1.0)}, "not finite and ordered"),
    ],
)
def test_bounds_are_checked(change, message):
    with pytest.raises(ContractError, match=message):
        dataclasses.replace(TABLETOP, **change)


def test_image_of_the_right_kind_passes_unchanged():
    image = np.zeros((96, 96, 3), np.uint8)
    assert TABLETOP.check_image(image) is image


@pytest.mark.parametrize(
    "image",
    [np.zeros((64, 96, 3), np.uint8), np.zeros((96, 96, 3), np.float32), np.zeros((96, 96), np.uint8)],
)
def test_image_of_another_kind_is_refused(image):
    with pytest.raises(ObservationError, match=r"goal/image: got .* expected uint8 \(96, 96, 3\)"):
        TABLETOP.check_image(image, "goal/image")


def test_state_becomes_float32():
    assert TABLETOP.check_state([0.5, 0, 0.2, 1, 0, 0, 0, 1]).dtype == np.float32


@pytest.mark.parametrize("state", [np.zeros(7), np.full(8, np.nan), np.full(8, np.inf)])
def test_state_of_another_size_or_not_finite_is_refused(state):
    with pytest.raises(ObservationError, match="expected 8 finite numbers"):
        TABLETOP.check_state(state)
