"""Charts of the report, and still pictures as SVG."""
