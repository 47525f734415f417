"""ONNX export of acoustic models and vocoders, optionally quantized, checked against torch."""
