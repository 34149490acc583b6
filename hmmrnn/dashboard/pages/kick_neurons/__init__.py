"""Chapter 4: the neurons that end a stay in a cluster."""
