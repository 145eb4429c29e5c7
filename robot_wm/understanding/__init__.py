"""What the model has understood: probes of its features, surprise at the impossible, pictures of what it expects."""
