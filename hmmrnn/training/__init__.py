"""Training of a network to emulate an HMM."""
