"""HMMs, networks and their interventions, runs under noise, and files of networks."""
