"""Limits as pure functions: arrays in, arrays or typed errors out."""
