namespace FastRnn.Suites;

/// <summary>What is to be reached, line by line. A line that is missed stays here.</summary>
internal static class Targets
{
    private const string Ort = "onnxruntime", OneDnn = "onednn", Torch = "torch", Both = "onnxruntime+onednn";

    public static IReadOnlyList<Target> All { get; } =
    [
        new("kernel-tile-lstm", Measure.Share, 0.94),
        new("kernel-tile-gru", Measure.Share, 0.94),
        new("kernel-tile-general", Measure.Share, 0.94),
        new("kernel-sigmoid", Measure.MetricAtMost, 10, MetricNames.Clocks),
        new("kernel-tanh", Measure.MetricAtMost, 10, MetricNames.Clocks),

        new("infer-lstm-512-t50-b32", Measure.Peers, 0.97, Both),
        new("infer-gru-512-t50-b32", Measure.Peers, 0.97, Both),
        new("infer-lstm-1024-t25-b64", Measure.Peers, 0.97, Both),
        new("infer-lstm-256-t100-b1", Measure.Peers, 1.2, Both),
        new("infer-lstm-256-t100-b32-lengths", Measure.MetricAtMost, 0.6, MetricNames.ToPadded),
        new("infer-lstm-256-t100-b1-scaling", Measure.MetricAtLeast, 1.5, MetricNames.SpeedUp),

        new("train-lstm-512x2-t64-b64", Measure.Share, 0.85),
        new("train-lstm-512x2-t64-b64", Measure.Peers, 0.97, OneDnn),
        new("whole-lstm-512x2-t64-b64", Measure.Peers, 1.6, Torch),
        new("train-gru-512x2-t64-b64", Measure.Share, 0.85),
        new("train-gru-512x2-t64-b64", Measure.Peers, 0.97, OneDnn),
        new("whole-gru-512x2-t64-b64", Measure.Peers, 1.6, Torch),
        new("train-lstm-65-128x2-t50-b50", Measure.Share, 0.75),
        new("whole-lstm-65-128x2-t50-b50", Measure.Peers, 2.4, Torch),
        new("train-lstm-512x2-t64-b64-scaling", Measure.MetricAtLeast, 0.95, MetricNames.OfFmaScaling),

        new("step-lstm-1-8", Measure.Nanoseconds, 43),
        new("step-lstm-1-8", Measure.Peers, 25, Ort),
        new("step-lstm-1-16", Measure.Nanoseconds, 51),
        new("step-lstm-1-16", Measure.Peers, 25, Ort),
        new("step-lstm-1-20", Measure.Nanoseconds, 62),
        new("step-lstm-1-20", Measure.Peers, 25, Ort),
        new("step-lstm-1-32", Measure.Nanoseconds, 75),
        new("step-lstm-1-32", Measure.Peers, 25, Ort),
        new("step-lstm-1-40", Measure.Nanoseconds, 113),
        new("step-lstm-1-40", Measure.Peers, 25, Ort),
        new("step-gru-1-8", Measure.Nanoseconds, 40),
        new("step-gru-1-32", Measure.Nanoseconds, 72),
        new("step-gru-64", Measure.Nanoseconds, 620),
        new("step-lstm-32", Measure.MetricAtMost, 1.5, MetricNames.Tail),
        new("step-lstm-32", Measure.NoGarbage, 0),
        new("step-lstm-64", Measure.Peers, 3, Ort),
        new("step-lstm-64", Measure.Peers, 2, OneDnn),
        new("step-lstm-64", Measure.Gap, 1.35),
        new("step-lstm-128", Measure.Peers, 3, Ort),
        new("step-lstm-128", Measure.Peers, 2, OneDnn),
        new("step-lstm-128", Measure.Gap, 1.35),
        new("step-lstm-256", Measure.Peers, 1.15, Ort),
        new("step-lstm-256-bf16", Measure.Peers, 2.3, Ort),
        new("step-lstm-256-int8", Measure.Peers, 4, Ort),
        new("step-lstm-512", Measure.Peers, 1, Ort),
        new("step-lstm-512-bf16", Measure.Peers, 1.8, Ort),
        new("step-lstm-512-int8", Measure.Peers, 3.5, Ort),
        new("step-lstm-1-32-decayed", Measure.MetricAtMost, 1.05, MetricNames.ToActive),
        new("step-lstm-1-32-decayed", Measure.MetricAtMost, 0, MetricNames.Subnormal),
        new("step-lstm-64-decayed", Measure.MetricAtMost, 1.05, MetricNames.ToActive),
        new("step-lstm-64-decayed", Measure.MetricAtMost, 0, MetricNames.Subnormal),
    ];
}
