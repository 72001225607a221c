"""SHA-256 of the weights of DTLN's first part in its Keras file, float32, little endian, in Keras's layout.

usage: make_dtln_hashes.py model.h5 > tests/data/models/dtln_model_1/keras-weights.sha256    (h5py 3.7)
"""
import hashlib
import sys

import h5py

with h5py.File(sys.argv[1]) as file:
    for layer in ("lstm", "lstm_1", "dense"):
        for name in file[layer].attrs["weight_names"]:
            text = name.decode() if isinstance(name, bytes) else name
            print(hashlib.sha256(file[layer][text][()].astype("<f4").tobytes()).hexdigest(), text)
