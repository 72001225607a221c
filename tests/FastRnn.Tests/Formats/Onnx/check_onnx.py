"""Checks every .onnx file of a folder with ONNX's own checker (python3-onnx 1.12), shapes included; says what it accepted, a line for each."""

import pathlib
import sys

import onnx
import onnx.checker

failed = 0
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.onnx")):
    try:
        onnx.checker.check_model(str(path), full_check=True)
        model = onnx.load(str(path))
        if model.SerializeToString() != path.read_bytes():
            raise ValueError("written again it has other bytes")
        shapes = [
            f"{v.name}[{','.join(d.dim_param or str(d.dim_value) for d in v.type.tensor_type.shape.dim)}]"
            for v in [*model.graph.input, *model.graph.output]
        ]
        print(f"{path.name}: {' '.join(shapes)}")
    except Exception as e:  # noqa: BLE001 - whatever it is, the file is not accepted
        failed += 1
        print(f"{path.name}: REFUSED: {e}")
sys.exit(1 if failed else 0)
