"""Background work: trainings, experiments and sweeps, the queue they wait in, and the workers."""
