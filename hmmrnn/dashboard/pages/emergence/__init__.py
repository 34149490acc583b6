"""Chapter 7: how the mechanism comes about in training."""
