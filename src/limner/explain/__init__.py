"""Which word painted what: attention recorded while painting, and pictures of it."""
