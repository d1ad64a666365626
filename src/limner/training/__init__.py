"""Training: one loop, and one objective for each kind of model."""
