"""The cases of make_keras.py, and the command that writes keras.zip."""
import zipfile

from make_keras import *

SEQ = dict(return_sequences=True)
HARD = dict(activation="tanh", recurrent_activation="hard_sigmoid")
SOFT = dict(activation="tanh", recurrent_activation="sigmoid")


def gates(kind, style):
    return {} if kind == "SimpleRNN" else style


def plain():
    """Every cell, both directions, in every version's own layout."""
    for version in ("k1", "k20", "k22", "tf2", "k23", "k26", "k3h5", "k213", "k3"):
        old = version in ("k1", "k20", "k22")
        for kind in ("LSTM", "GRU", "SimpleRNN"):
            style = gates(kind, HARD if old else SOFT)
            if kind == "GRU" and version not in ("k1", "k20"):
                style = dict(style, reset_after=version not in ("k22", "k23"))
            layer = cell(kind, I, return_sequences=True, **style)
            stored = [gate_by_gate(kind, layer[2])] if version == "k1" else None
            case(f"{version}_{kind.lower()}", version, [layer], stored)


def options():
    for kind in ("LSTM", "GRU", "SimpleRNN"):
        for version in ("k22", "k3"):
            style = dict(gates(kind, HARD), **({"reset_after": version == "k3"} if kind == "GRU" else {}))
            case(f"{version}_{kind.lower()}_back_last", version, [cell(kind, I, go_backwards=True, **style), dense(H)])
            case(f"{version}_{kind.lower()}_back_twice", version, [cell(kind, I, go_backwards=True, **SEQ, **style), cell(kind, H, go_backwards=True, **SEQ, **style), dense(H)])
            case(f"{version}_{kind.lower()}_back_then_last", version, [cell(kind, I, go_backwards=True, **SEQ, **style), cell(kind, H, **style), dense(H)])
            case(f"{version}_{kind.lower()}_nobias", version, [cell(kind, I, use_bias=False, **SEQ, **style), dense(H, bias=False)])
            case(f"{version}_{kind.lower()}_last", version, [cell(kind, I, **style), dense(H, 1, "sigmoid")])
    for merge in ("concat", "sum", "mul", "ave"):
        for kind, version in (("LSTM", "k22"), ("GRU", "k3"), ("SimpleRNN", "k26")):
            style = dict(gates(kind, SOFT), **({"reset_after": True} if kind == "GRU" else {}))
            width = 2 * H if merge == "concat" else H
            case(f"both_{merge}_{kind.lower()}", version, [both(kind, I, merge, **SEQ, **style), dense(width)])
            case(f"both_{merge}_{kind.lower()}_last", version, [both(kind, I, merge, **SEQ, **style), both(kind, width, merge, **style), dense(width)])
    for name in ("linear", "relu", "softsign", "softplus", "elu", "sigmoid", "hard_sigmoid"):
        case(f"function_{name}", "k26", [cell("LSTM", I, activation=name, recurrent_activation="hard_sigmoid", **SEQ), dense(H, 4, name)] if name != "linear"
             else [cell("SimpleRNN", I, activation=name, **SEQ)])
    case("function_leaky", "k3", [cell("SimpleRNN", I, activation="leaky_relu", **SEQ), dense(H, 4, "silu")])
    case("function_hard3", "k3", [cell("GRU", I, reset_after=False, activation="softsign", recurrent_activation="hard_sigmoid", **SEQ), dense(H, 4, "hard_sigmoid")])


def defaults():
    """What versions leave unsaid: the gates' function, and the reset's place."""
    unsaid = lambda c: {k: v for k, v in c.items() if k not in ("recurrent_activation", "reset_after", "activation")}
    for version, style, after in (("none", HARD, False), ("k1", HARD, False), ("k20", HARD, False), ("k22", HARD, False), ("k23", SOFT, False), ("k26", SOFT, True), ("k3h5", SOFT, True), ("k3", SOFT, True)):
        case(f"unsaid_{version}_gru", version, [cell("GRU", I, reset_after=after, **style, **SEQ)], drop=unsaid)
        case(f"unsaid_{version}_lstm", version, [cell("LSTM", I, **style, **SEQ)], drop=unsaid)


def layouts():
    """The same model in the ways that HDF5 has."""
    stack = lambda: [cell("LSTM", I, **SEQ, **SOFT), cell("GRU", H, reset_after=True, **SOFT, **SEQ), dense(H)]
    for name, how in (
        ("latest", dict(libver="latest")), ("order", dict(order=True)), ("latest_order", dict(libver="latest", order=True)), ("half", dict(dtype="f2")), ("double", dict(dtype="f8")),
        ("chunks", dict(chunks=(4, 16))), ("gzip", dict(chunks=(4, 16), gzip=9)), ("shuffle", dict(chunks=(4, 16), gzip=4, shuffle=True)), ("one_chunk", dict(chunks=None, gzip=1)),
        ("latest_one", dict(chunks=None, libver="latest")), ("latest_one_gzip", dict(chunks=None, gzip=4, libver="latest")), ("latest_array", dict(chunks=(4, 16), libver="latest")),
        ("latest_array_gzip", dict(chunks=(4, 16), gzip=4, shuffle=True, libver="latest")), ("compact", dict(compact=True)), ("fixed", dict(fixed=True)), ("split", dict(split=True)),
    ):
        layers = stack()
        if name == "half":
            layers = [(k, c, [a.astype(np.float16).astype(np.float32) for a in arrays]) for k, c, arrays in layers]
        case(f"hdf_{name}", "k26", layers, how=how)
    for name, how in (("deflated", dict(zip=zipfile.ZIP_DEFLATED)), ("order", dict(order=True)), ("old", dict(old=True)), ("latest", dict(libver="latest")), ("latest_order", dict(libver="latest", order=True))):
        case(f"zip_{name}", "k213" if name == "old" else "k3", stack(), how=how)
    many = [cell("SimpleRNN", I, **SEQ)] + [c for _ in range(24) for c in (("Dropout", {"rate": 0.1}, []), dense(H, H, "tanh"))]
    case("hdf_many", "k26", many[:21], how=dict(libver="latest", order=True))
    case("zip_many", "k3", many, how=dict(libver="latest", order=True))


def others():
    for kind in ("LSTM", "GRU"):
        after = {"reset_after": True} if kind == "GRU" else {}
        layers = [cell(kind, I, **SEQ, **SOFT, **after), both(kind, H, "concat", **SEQ, **SOFT, **after), dense(2 * H)]
        one, two = layers[0][2], layers[1][2]
        stored = [to_cudnn(kind, one), to_cudnn(kind, two[:3]) + to_cudnn(kind, two[3:]), None]
        name = f"CuDNN{kind}"
        strip = lambda c: {k: v for k, v in c.items() if k not in ("activation", "recurrent_activation", "reset_after", "layer")} | (
            {"layer": {"class_name": name, "config": {"units": H, "return_sequences": True}}} if "layer" in c else {})
        case(f"cudnn_{kind.lower()}", "k22", layers, stored, classes={kind: name}, drop=strip)
        case(f"cudnn_{kind.lower()}_weights", "k22", [layers[0]], stored[:1])
    case("embedding", "k26", [("Embedding", {"input_dim": V, "output_dim": I, "mask_zero": False}, [draw(V, I)]), cell("GRU", I, reset_after=True, **SOFT), dense(H, 5)])
    case("embedding_3", "k3", [("Embedding", {"input_dim": V, "output_dim": I, "mask_zero": False}, [draw(V, I)]), ("SpatialDropout1D", {"rate": 0.2}, []), both("LSTM", I, "concat", **SOFT), dense(2 * H)])
    for version in ("k22", "k3"):
        inner = {"class_name": "Dense", "config": {"units": 4, "activation": "tanh", "use_bias": True}}
        case(f"{version}_distributed", version, [cell("LSTM", I, **SEQ, **SOFT), ("Dropout", {"rate": 0.3}, []), ("TimeDistributed", {"layer": inner}, [draw(H, 4), draw(4)]),
                                                 ("Activation", {"activation": "relu"}, [])])
        case(f"{version}_functional", version, [cell("LSTM", I, **SEQ, **SOFT), ("GaussianNoise", {"stddev": 0.1}, []), dense(H)], functional=True)


def weights_only():
    layers = lambda: [cell("LSTM", I, **SEQ, **SOFT), both("GRU", H, "concat", reset_after=True, **SEQ, **SOFT), dense(2 * H)]
    own = [{"type": "lstm", "input": I, "hidden": H}, {"type": "bidirectional", "inner": {"type": "gru", "input": H, "hidden": H}, "merge": "concat", "last_step": False},
           {"type": "dropout", "rate": 0.5}, {"type": "linear", "input": 2 * H, "output": 4}]
    case("weights_shapes", "k26", layers(), weights_only=True)
    case("weights_tf", "tf2", layers(), weights_only=True)
    case("weights_named", "k22", layers(), weights_only=True, sidecar=own)
    case("weights_paths", "k26", layers(), how=dict(paths=True), sidecar=own)


def norms():
    def norm(width, arrays=2, **config):
        return "LayerNormalization", dict(config), [draw(width) for _ in range(arrays)]
    case("norm", "k26", [cell("LSTM", I, **SEQ, **SOFT), norm(H, axis=[2], epsilon=0.001), dense(H, 4, "softmax")])
    case("norm_3", "k3", [cell("LSTM", I, **SOFT), norm(H, axis=-1, epsilon=1e-5), dense(H, 4, "gelu")])
    case("norm_no_center", "k26", [norm(I, 1, center=False), cell("SimpleRNN", I, **SEQ)])
    case("norm_no_scale", "k3", [norm(I, 1, scale=False), cell("SimpleRNN", I, **SEQ), ("Softmax", {"axis": -1}, [])])
    for kind, config in (("LeakyReLU", {"alpha": 0.25}), ("ReLU", {"max_value": 0.5, "negative_slope": 0.0, "threshold": 0.0}), ("ELU", {"alpha": 0.7}), ("ReLU", {"max_value": None, "negative_slope": 0.1})):
        case(f"layer_{kind.lower()}_{len(cases)}", "k26", [cell("SimpleRNN", I, **SEQ), dense(H), (kind, config, [])])
    for name in ("selu", "exponential", "relu6", "hard_sigmoid", "leaky_relu", "elu", "softsign"):
        case(f"layer_{name}", "k3" if name in ("relu6", "leaky_relu") else "k26", [cell("SimpleRNN", I, **SEQ), dense(H, 4, name)])


def masks():
    """Steps that do not count: at the end, before the first that does, in a gap."""
    hide = ("Masking", {"mask_value": 0.25}, [])
    for kind in ("LSTM", "GRU", "SimpleRNN"):
        style = dict(gates(kind, SOFT), **({"reset_after": True} if kind == "GRU" else {}))
        case(f"masked_{kind.lower()}", "k3", [hide, cell(kind, I, **SEQ, **style), cell(kind, H, **SEQ, **style)])
        case(f"masked_{kind.lower()}_last", "k26", [hide, cell(kind, I, **SEQ, **style), cell(kind, H, **style), dense(H)])
        case(f"masked_{kind.lower()}_back_last", "k26", [hide, cell(kind, I, go_backwards=True, **style), dense(H)])
        case(f"masked_{kind.lower()}_both", "k3", [hide, both(kind, I, "concat", **SEQ, **style), cell(kind, 2 * H, **SEQ, **style)])
        case(f"masked_{kind.lower()}_both_last", "k26", [hide, both(kind, I, "ave", **style), dense(H)])


def weights_alone():
    """Files of weights alone: what shapes tell beside the kind of cell, and groups without variables."""
    for kind in ("LSTM", "GRU"):
        after = {"reset_after": True} if kind == "GRU" else {}
        layers = [cell(kind, I, **SEQ, **SOFT, **after), both(kind, H, "concat", **SEQ, **SOFT, **after), dense(2 * H)]
        one, two = layers[0][2], layers[1][2]
        case(f"weights_cudnn_{kind.lower()}", "k22", layers, [to_cudnn(kind, one), to_cudnn(kind, two[:3]) + to_cudnn(kind, two[3:]), None], weights_only=True)
    norm = "LayerNormalization", {"axis": -1, "epsilon": 0.001}, [draw(H), draw(H)]
    case("weights_norm", "k26", [cell("SimpleRNN", I, **SEQ), norm, dense(H)], weights_only=True)
    own = [{"type": "lstm", "input": I, "hidden": H}, {"type": "dropout", "rate": 0.5}, {"type": "linear", "input": H, "output": 4}]
    case("weights_paths_dropout", "k26", [cell("LSTM", I, **SEQ, **SOFT), ("Dropout", {"rate": 0.5}, []), dense(H)], how=dict(paths=True), sidecar=own)


for make in (plain, options, defaults, layouts, others, weights_only, norms, masks, weights_alone):
    make()
with zipfile.ZipFile(os.path.join(HERE, "keras.zip"), "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
    for name, content in [("x", x.tobytes()), ("masked", masked.tobytes()), ("tokens", tokens.tobytes()), ("cases.json", json.dumps(cases).encode())] + entries:
        z.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
print(len(cases), "cases", os.path.getsize(os.path.join(HERE, "keras.zip")), "bytes")
