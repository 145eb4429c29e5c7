"""Imagining: the action-conditioned predictor and the heads that read latents."""
