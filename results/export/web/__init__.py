"""The export format ``web``: one HTML file that classifies pictures in a browser."""
