# make demo   the simulated arm reaches and pushes; result in runs/demo
# make test   all tests
# make test-ros  the tests of the nodes on a real rclpy, where ROS 2 is sourced (PYTHON=... for another interpreter)
# make lint   style and types
# make format lays out the code
# make model  collects, trains and exports the shipped bundle anew
# make skills  trains a model of what needs a gripper or two blocks; into runs/skills/bundle
# make understanding  trains what `robot-wm physics` and `robot-wm imagine` need, and puts it into the shipped bundle

PYTHON ?= python3
TORCH ?= torch==2.13.0
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
METADATA := pyproject.toml setup.py setup.cfg

# `make PYTHON=python3.11` takes another interpreter.

.PHONY: demo test test-ros lint format model skills understanding clean
.DELETE_ON_ERROR:

demo: $(VENV)/demo.stamp
	$(BIN)/robot-wm demo

test: $(VENV)/test.stamp
	$(BIN)/python -m pytest

test-ros:
	PYTHON=$(PYTHON) sh tools/test_ros.sh

lint: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/test.stamp
	$(BIN)/ruff format .

# The slow level is trained once, above what the corrections have left.
NO_LEVELS := --plan.levels.schedule.steps 0

model: $(VENV)/test.stamp
	$(BIN)/robot-wm collect --task play --episodes 3500 --workers 2 --seed 0 --out datasets/tabletop
	$(BIN)/robot-wm train --dataset datasets/tabletop --out runs/tabletop $(NO_LEVELS)
	$(BIN)/robot-wm export --checkpoint runs/tabletop --out runs/tabletop/bundle
	$(BIN)/robot-wm collect --correct --bundle runs/tabletop/bundle --episodes 1200 --workers 2 --seed 1 --out datasets/corrected_1
	$(BIN)/robot-wm train --dataset datasets/tabletop --further datasets/corrected_1 --out runs/tabletop $(NO_LEVELS)
	$(BIN)/robot-wm export --checkpoint runs/tabletop --out runs/tabletop/bundle
	$(BIN)/robot-wm collect --correct --bundle runs/tabletop/bundle --episodes 1200 --workers 2 --seed 2 --out datasets/corrected_2
	$(BIN)/robot-wm train --dataset datasets/tabletop --further datasets/corrected_1 datasets/corrected_2 --out runs/tabletop
	$(BIN)/robot-wm export --checkpoint runs/tabletop

skills: $(VENV)/test.stamp
	$(BIN)/robot-wm collect --task skills --episodes 3200 --steps 60 --workers 2 --seed 0 --out datasets/skills
	$(BIN)/robot-wm train --dataset datasets/skills --out runs/skills_begun $(NO_LEVELS)
	$(BIN)/robot-wm train --dataset datasets/skills --init runs/skills_begun --out runs/skills --plan.stages joint heads --plan.joint.steps 3000
	$(BIN)/robot-wm export --checkpoint runs/skills --name skills --out runs/skills/bundle

understanding: $(VENV)/test.stamp
	$(BIN)/robot-wm physics --learn
	$(BIN)/robot-wm imagine --learn

clean:
	rm -rf $(VENV) build dist *.egg-info

$(VENV)/python.stamp:
	sh tools/check_python.sh $(PYTHON)
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade pip setuptools
	touch $@

$(VENV)/demo.stamp: $(VENV)/python.stamp $(METADATA)
	$(PIP) install -e '.[sim,ros]'
	touch $@

$(VENV)/test.stamp: $(VENV)/python.stamp $(METADATA)
	$(PIP) install '$(TORCH)'
	$(PIP) install -e '.[sim,train,ros,teleop,dev]'
	touch $@ $(VENV)/demo.stamp
