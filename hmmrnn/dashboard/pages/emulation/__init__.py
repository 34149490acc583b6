"""Chapter 1: the network emits what its HMM emits."""
