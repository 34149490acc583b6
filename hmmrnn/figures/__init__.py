"""Results in, Plotly figures out. Nothing is computed here."""
