"""Checks graphs for TensorRT's parser, and builds TensorRT engines. None of this has run on a GPU yet."""
