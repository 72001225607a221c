"""Tensor files by NumPy and ONNX themselves. `write FOLDER` makes files to be read, each with what it holds as NAME.txt; `read FOLDER` says what files hold."""

import pathlib
import sys

import numpy as np
import onnx
from onnx import helper, numpy_helper


def text(array):
    kind = {"f": "float", "i": "int", "u": "int", "b": "bool"}[array.dtype.kind]
    values = array.reshape(-1).tolist()
    return f"{kind} {list(array.shape)} {' '.join(repr(float(v)) if kind == 'float' else str(int(v)) for v in values)}"


def write(folder):
    shapes = [(), (1,), (5,), (2, 3), (3, 1, 2), (2, 3, 4), (0, 3), (2, 2, 2, 2)]
    types = ["f2", "f4", "f8", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "b1"]
    files = {}
    for t in types:
        for n, shape in enumerate(shapes):
            count = int(np.prod(shape))
            values = (np.arange(count) * 7 % 120 + n).astype(float)
            array = (values / 3 - 5 if t[0] == "f" else values > 60 if t == "b1" else values).astype(t).reshape(shape)
            files[f"{t}-{n}"] = array
    for name, array in files.items():
        for version in [(1, 0), (2, 0), (3, 0)]:
            for order in "CF":
                path = folder / f"{name}-{version[0]}{order}.npy"
                with open(path, "wb") as f:
                    np.lib.format.write_array(f, np.array(array, order=order), version=version)
                path.with_suffix(".npy.txt").write_text(text(array))
        for kind in ["raw", "typed"]:
            path = folder / f"{name}-{kind}.pb"
            if kind == "raw":
                tensor = numpy_helper.from_array(array, name)
            else:
                data_type = onnx.mapping.NP_TYPE_TO_TENSOR_TYPE[array.dtype]
                tensor = helper.make_tensor(name, data_type, array.shape, array.reshape(-1).tolist())
            path.write_bytes(tensor.SerializeToString())
            path.with_suffix(".pb.txt").write_text(text(array))


def read(folder):
    for path in sorted(folder.iterdir()):
        if path.suffix == ".npy":
            print(path.name, text(np.load(path, allow_pickle=False)))
        elif path.suffix == ".pb":
            tensor = onnx.load_tensor(str(path))
            print(path.name, tensor.name, text(numpy_helper.to_array(tensor)))


{"write": write, "read": read}[sys.argv[1]](pathlib.Path(sys.argv[2]))
