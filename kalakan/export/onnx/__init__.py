"""ONNX files of acoustic models and vocoders, whole or quantized, checked against torch."""
