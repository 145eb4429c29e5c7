"""Faults on purpose: the whole simulated system runs, something is broken, and what the arm does is measured."""
