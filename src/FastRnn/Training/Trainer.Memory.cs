namespace FastRnn.Training;

/// <summary>How much memory training may take.</summary>
public sealed partial class Trainer
{
    /// <summary>
    /// Keep only the states of recurrent layers for the backward pass and compute their gates again, 64 steps at a time: the same bits for
    /// less memory and more time. LSTM 256, batch 32, 1,000 steps: 7 % of what is kept for the backward pass alone, 11 MiB in place of
    /// 156, in 1.25 times the time. Windows of up to 64 steps stay as they are. May be changed between steps.
    /// </summary>
    public bool Recompute { get; set; }
}
