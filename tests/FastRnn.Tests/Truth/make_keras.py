"""Writes keras.zip: models in the layouts of Keras 1, 2 and 3, with inputs and what the equations of keras_reference.py make of them.

    /usr/bin/python3 make_keras.py          (h5py 3.7, numpy 1.24)

Files are written by h5py and zipfile as Keras itself writes them: attributes, groups and names; some also in the ways HDF5 can store the same (new-style groups, chunks, filters).
An entry NAME.h5 or NAME.keras is a model, NAME.json (of weights alone) its layers, NAME.y its output, float32 [N, T, O] or [N, O] rounded from float64; cases.json lists them. x is float32 [N, T, I].
"""
import copy
import io
import json
import os
import zipfile

import h5py
import numpy as np

from keras_reference import run

N, T, I, H, V = 3, 5, 7, 11, 13
HERE = os.path.dirname(os.path.abspath(__file__))
VERSIONS = {"k1": "1.2.2", "k20": "2.1.0", "k22": "2.2.4", "tf2": "2.2.4-tf", "k23": "2.3.1", "k26": "2.11.0", "k3h5": "3.5.0", "k213": "2.13.1", "k3": "3.15.0", "none": None}
rng = np.random.RandomState(8)
x = rng.uniform(-1.5, 1.5, (N, T, I)).astype(np.float32)
tokens = rng.randint(0, V, (N, T)).astype(np.int32)
entries, cases = [], []


def draw(*shape):
    """Multiples of 1/1024: exact in every type that a file may have, and small in the archive."""
    return (rng.randint(-614, 615, shape) / 1024).astype(np.float32)


def cell_arrays(kind, width, bias=True, reset_after=False, hidden=H):
    gates = {"LSTM": 4, "GRU": 3, "SimpleRNN": 1}[kind]
    arrays = [draw(width, gates * hidden), draw(hidden, gates * hidden)]
    return arrays + ([draw(2, gates * hidden) if kind == "GRU" and reset_after else draw(gates * hidden)] if bias else [])


def cell(kind, width, **config):
    bias = config.get("use_bias", True)
    return kind, dict(units=H, **config), cell_arrays(kind, width, bias, config.get("reset_after", False))


def both(kind, width, merge, **config):
    _, inner, arrays = cell(kind, width, **config)
    more = cell_arrays(kind, width, config.get("use_bias", True), config.get("reset_after", False))
    return "Bidirectional", {"layer": {"class_name": kind, "config": inner}, "merge_mode": merge}, arrays + more


def dense(width, units=4, activation="linear", bias=True):
    return "Dense", {"units": units, "activation": activation, "use_bias": bias}, [draw(width, units)] + ([draw(units)] if bias else [])


def to_cudnn(kind, arrays):
    """Plain arrays as CuDNNLSTM and CuDNNGRU keep them: Keras's own conversion, numpy in the other direction."""
    gates = 4 if kind == "LSTM" else 3
    blocks = lambda k, f: np.hstack([f(b) for b in np.hsplit(k, gates)])
    kernel = blocks(arrays[0], lambda k: k.T.reshape(k.shape, order="C"))
    bias = np.concatenate([arrays[2] * np.float32(0.25), arrays[2] * np.float32(0.75)]) if kind == "LSTM" else arrays[2].reshape(-1)
    return [kernel, blocks(arrays[1], lambda k: k.T), bias]


def gate_by_gate(kind, arrays):
    """Keras 1: the arrays of each gate, LSTM i c f o, GRU z r h."""
    gates, order = {"LSTM": (4, [0, 2, 1, 3]), "GRU": (3, [0, 1, 2]), "SimpleRNN": (1, [0])}[kind]
    split = [np.split(a, gates, axis=-1) for a in arrays]
    return [part[g] for g in order for part in split]


PARTS = {"LSTM": "lstm_cell", "GRU": "gru_cell", "SimpleRNN": "simple_rnn_cell"}
SNAKE = {"LSTM": "lstm", "GRU": "gru", "SimpleRNN": "simple_rnn", "Bidirectional": "bidirectional", "Dense": "dense", "TimeDistributed": "time_distributed",
         "Embedding": "embedding", "LayerNormalization": "layer_normalization", "Dropout": "dropout", "SpatialDropout1D": "spatial_dropout1d", "Activation": "activation",
         "LeakyReLU": "leaky_re_lu", "ReLU": "re_lu", "ELU": "elu", "Softmax": "softmax", "GaussianNoise": "gaussian_noise", "InputLayer": "input_layer",
         "CuDNNLSTM": "cu_dnnlstm", "CuDNNGRU": "cu_dnngru", "TimeDistributedDense": "timedistributeddense"}


def named(layers):
    counts, out = {}, []
    for kind, config, arrays in layers:
        base = SNAKE[kind]
        counts[base] = counts.get(base, -1) + 1
        out.append((kind, config, arrays, base + (f"_{counts[base]}" if counts[base] else "")))
    return out


def full_config(kind, config, name, major, first):
    """The fields that a version of Keras writes beside those that matter."""
    config = copy.deepcopy(config)
    config.setdefault("name", name)
    config.setdefault("trainable", True)
    if major == 1 and "units" in config:
        config["output_dim"] = config.pop("units")
        for old, new in (("recurrent_activation", "inner_activation"), ("use_bias", "bias")):
            if old in config:
                config[new] = config.pop(old)
        config.update(init="glorot_uniform", W_regularizer=None)
    if major == 1 and "rate" in config:
        config["p"] = config.pop("rate")
    if major == 3:
        config["dtype"] = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}, "registered_name": None}
    elif first:
        config["batch_input_shape"] = [None, None, I]
    if kind in PARTS:
        config.setdefault("stateful", False)
        if major > 1:
            config["kernel_initializer"] = {"class_name": "VarianceScaling", "config": {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": None}}
            config.setdefault("unit_forget_bias", True)
            config["dropout"], config["recurrent_dropout"] = 0.0, 0.0
    return config


def layer_json(kind, config, name, major, first=False):
    layer = {"class_name": kind, "config": full_config(kind, config, name, major, first)}
    if "layer" in config:
        inner = config["layer"]
        layer["config"]["layer"] = layer_json(inner["class_name"], inner["config"], f"{name}_inner", major)
    if major == 3:
        layer.update(module="keras.layers", registered_name=None)
    return layer


def model_json(layers, version, functional=False):
    major = int((version or "1")[0])
    items = [layer_json(kind, config, name, major, i == 0) for i, (kind, config, _, name) in enumerate(layers)]
    if functional:
        before = "input_1"
        items.insert(0, layer_json("InputLayer", {"batch_input_shape": [None, None, I]}, before, major))
        items[0]["inbound_nodes"] = []
        for item in items:
            item["name"] = item["config"]["name"]
        for item in items[1:]:
            history = [before, 0, 0]
            item["inbound_nodes"] = [{"args": [{"class_name": "__keras_tensor__", "config": {"shape": [None, None, 7], "dtype": "float32", "keras_history": history}}],
                                      "kwargs": {"mask": None}}] if major == 3 else [[history + [{}]]]
            before = item["name"]
        ends = {"input_layers": [["input_1", 0, 0]], "output_layers": [[before, 0, 0]]} if major < 3 else {"input_layers": ["input_1", 0, 0], "output_layers": [before, 0, 0]}
        return {"class_name": "Functional" if major > 1 else "Model", "config": {"name": "model", "layers": items, **ends}}
    if major == 1 or version in ("2.1.0",):
        return {"class_name": "Sequential", "config": items}
    if major == 3:
        items.insert(0, {"module": "keras.layers", "class_name": "InputLayer", "registered_name": None,
                         "config": {"batch_shape": [None, None, I], "dtype": "float32", "sparse": False, "name": "input_layer"}})
    return {"class_name": "Sequential", "config": {"name": "sequential", "layers": items}}


def store(group, name, array, how):
    array = np.asarray(array)
    if "/" in name:
        group, name = new_group(group, name.rsplit("/", 1)[0], how), name.rsplit("/", 1)[1]
    kind = how.get("dtype")
    array = array.astype(kind) if kind else array
    if "chunks" in how:
        chunks = array.shape if how["chunks"] is None else tuple(min(c, s) for c, s in zip(how["chunks"], array.shape))
        group.create_dataset(name, data=array, chunks=chunks, compression=how.get("gzip"), shuffle=how.get("shuffle", False))
    elif how.get("compact"):
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_layout(h5py.h5d.COMPACT)
        plist.set_obj_track_times(False)
        h5py.h5d.create(group.id, name.encode(), h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple(array.shape), plist).write(h5py.h5s.ALL, h5py.h5s.ALL, np.ascontiguousarray(array))
    else:
        group.create_dataset(name, data=array)


def open_file(data, how):
    """A new file, whose groups keep no times: the same bytes whenever it is written."""
    access, creation = h5py.h5p.create(h5py.h5p.FILE_ACCESS), h5py.h5p.create(h5py.h5p.FILE_CREATE)
    access.set_fileobj_driver(h5py.h5fd.fileobj_driver, data)
    access.set_fclose_degree(h5py.h5f.CLOSE_STRONG)
    latest = how.get("libver") == "latest"
    access.set_libver_bounds(h5py.h5f.LIBVER_LATEST if latest else h5py.h5f.LIBVER_EARLIEST, h5py.h5f.LIBVER_LATEST)
    creation.set_obj_track_times(False)
    if how.get("order"):
        creation.set_link_creation_order(h5py.h5p.CRT_ORDER_TRACKED | h5py.h5p.CRT_ORDER_INDEXED)
    return h5py.File(h5py.h5f.create(b"keras", h5py.h5f.ACC_TRUNC, creation, access))


def new_group(parent, path, how):
    links, creation = h5py.h5p.create(h5py.h5p.LINK_CREATE), h5py.h5p.create(h5py.h5p.GROUP_CREATE)
    links.set_create_intermediate_group(True)
    creation.set_obj_track_times(False)
    if how.get("order"):
        creation.set_link_creation_order(h5py.h5p.CRT_ORDER_TRACKED | h5py.h5p.CRT_ORDER_INDEXED)
        creation.set_attr_creation_order(h5py.h5p.CRT_ORDER_TRACKED | h5py.h5p.CRT_ORDER_INDEXED)
    for i in range(path.count("/") + 1):
        part = "/".join(path.split("/")[:i + 1])
        if part not in parent:
            h5py.h5g.create(parent.id, part.encode(), links, creation)
    return parent[path]


def write_legacy(layers, version, how, config):
    data = io.BytesIO()
    with open_file(data, how) as f:
        if config is not None:
            text = json.dumps(config)
            f.attrs["model_config"] = np.bytes_(text) if how.get("fixed") else text.encode() if how.get("bytes") else text
        group = new_group(f, "model_weights", how) if config is not None else f
        if version:
            for place in (f, group):
                place.attrs["keras_version"] = np.bytes_(version)
                place.attrs["backend"] = np.bytes_("tensorflow")
        names = [name.encode() for *_, name in layers]
        if how.get("split"):
            for i, part in enumerate(np.array_split(names, 2)):
                group.attrs[f"layer_names{i}"] = part
        else:
            group.attrs["layer_names"] = names
        for kind, config_of, arrays, name in layers:
            g = new_group(group, name, how)
            parts = ["kernel:0", "recurrent_kernel:0", "bias:0"] if kind not in ("Embedding",) else ["embeddings:0"]
            half = len(arrays) // 2
            if kind == "Bidirectional":
                weights = [f"{name}/forward_x/{parts[i]}" for i in range(half)] + [f"{name}/backward_x/{parts[i]}" for i in range(half)]
            elif kind in ("Dense", "TimeDistributed") and len(arrays) == 2:
                weights = [f"{name}/kernel:0", f"{name}/bias:0"]
            elif len(arrays) > 3:
                weights = [f"{name}_W{i}" for i in range(len(arrays))]
            else:
                weights = [f"{name}/{part}" for part in parts[:len(arrays)]]
            g.attrs["weight_names"] = [w.encode() for w in weights]
            for w, array in zip(weights, arrays):
                store(g, w, array, how)
    return data.getvalue()


def write_paths(layers, how, root="layers"):
    data = io.BytesIO()
    with open_file(data, how) as f:
        for kind, config, arrays, name in layers:
            def put(path, part):
                g = new_group(f, f"{path}/vars", how)
                g.attrs["name"] = name
                for i, array in enumerate(part):
                    store(g, str(i), array, how)
            half = len(arrays) // 2
            if kind in PARTS:
                put(f"{root}/{name}/cell", arrays)
                put(f"{root}/{name}", [])
            elif kind == "Bidirectional":
                put(f"{root}/{name}/forward_layer/cell", arrays[:half])
                put(f"{root}/{name}/backward_layer/cell", arrays[half:])
            elif kind == "TimeDistributed":
                put(f"{root}/{name}/layer", arrays)
            else:
                put(f"{root}/{name}", arrays)
                if kind == "Dropout":
                    g = new_group(f, f"{root}/{name}/seed_generator/vars", how)
                    g.create_dataset("0", data=np.array([7, 8], np.uint32))
        new_group(f, "vars", how)
    return data.getvalue()


def archive(parts, method):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as z:
        for name, content in parts:
            info = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            info.compress_type = method
            z.writestr(info, content)
    return data.getvalue()


def case(name, version, layers, stored=None, functional=False, sidecar=None, reversed_names=False, how=None, **more):
    """Adds a model; `stored` are its arrays where the file has others than the equations."""
    how, text = how or {}, VERSIONS[version]
    major = int((text or "1")[0])
    reading = tokens if layers[0][0] == "Embedding" else x.astype(np.float64)
    y = run(layers, reading, major)
    renamed = [(more.get("classes", {}).get(k, k), c, a) for k, c, a in layers]
    kept = named([(k, more.get("drop", lambda c: c)(c), s if s is not None else a) for (k, c, a), s in zip(renamed, stored or [None] * len(layers))])
    config = model_json(kept, text, functional)
    if version in ("k213", "k3"):
        metadata = json.dumps({"keras_version": text, "date_saved": "2026-01-01@00:00:00"})
        weights = write_paths(kept, how, "_layer_checkpoint_dependencies" if how.get("old") else "layers")
        file, ending = archive([("metadata.json", metadata), ("config.json", json.dumps(config)), ("model.weights.h5", weights)], how.get("zip", zipfile.ZIP_STORED)), "keras"
    elif how.get("paths"):
        file, ending = write_paths(kept, how), "h5"
    else:
        file, ending = write_legacy(kept, text, how, None if more.get("weights_only") else config), "h5"
    entries.append((f"{name}.{ending}", file))
    entries.append((f"{name}.y", np.ascontiguousarray(y, np.float32).tobytes()))
    if sidecar:
        entries.append((f"{name}.{ending}.json", json.dumps({"layers": sidecar}).encode()))
    cases.append({"name": name, "file": f"{name}.{ending}", "shape": list(y.shape), "tokens": layers[0][0] == "Embedding", "last": y.ndim == 2})
