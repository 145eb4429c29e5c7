"""Model bundles: written by export, verified on load, run by onnxruntime."""
