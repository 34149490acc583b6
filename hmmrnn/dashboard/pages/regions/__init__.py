"""Chapter 3: clusters, kick zones and transitions."""
