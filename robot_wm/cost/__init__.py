"""Energies over predicted latents, and the constraints that no plan may break."""
