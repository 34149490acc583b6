"""Chapter 2: noise sustains an orbit in the plane."""
