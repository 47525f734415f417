"""TensorRT engines: which graphs its parser takes, and building them. None of it has run on a GPU yet."""
