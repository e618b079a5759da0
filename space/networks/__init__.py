"""Architecture specs: frozen data with one canonical form, one identity and exact counts; torch is not needed."""
