"""Users who sign in, and browsers that are distinguished without signing in."""
