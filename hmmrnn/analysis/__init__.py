"""Analyses of a network, in the order of the paper's argument."""
