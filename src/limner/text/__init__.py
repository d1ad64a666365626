"""Text: from a prompt to token ids, weights and conditioning."""
