"""The page: one Scenario in, figures out."""
