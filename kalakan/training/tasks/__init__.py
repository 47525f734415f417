"""Tasks: the models that are trained, their data and their losses."""
