"""Seeing: the V-JEPA video encoder, its masked pre-training, and the read-out that planning uses."""
