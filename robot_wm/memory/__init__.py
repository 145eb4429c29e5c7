"""What was seen: a short window of the present, and episodes of the past that are found again by their latents."""
