"""The web server around the dashboard: sign-in, headers, uploads, health, metrics, logs."""
