"""Chapter 5: who feeds the kick neurons."""
