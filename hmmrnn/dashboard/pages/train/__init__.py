"""Trainings and sweeps."""
