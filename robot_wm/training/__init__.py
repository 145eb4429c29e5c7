"""Learning: objectives, stages, monitors and the trainer that runs them."""
