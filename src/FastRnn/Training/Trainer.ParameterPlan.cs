namespace FastRnn.Training;

/// <summary>Updates of single parameters.</summary>
public sealed partial class Trainer
{
    /// <summary>What holds for one parameter alone.</summary>
    private sealed class ParameterPlan
    {
        public bool Frozen { get; set; }

        public float RateFactor { get; set; } = 1f;

        /// <summary>In place of the optimiser's, or null.</summary>
        public float? WeightDecay { get; set; }

        public float L1 { get; set; }

        public float L2 { get; set; }

        /// <summary>Largest norm of a row; 0: any.</summary>
        public float MaxNorm { get; set; }

        /// <summary>Updates made.</summary>
        public long Updates { get; set; }

        /// <summary>What is not as everywhere.</summary>
        public override string ToString()
        {
            string[] parts =
            [
                Frozen ? "frozen" : "",
                RateFactor == 1 ? "" : FormattableString.Invariant($"rate factor {RateFactor}"),
                WeightDecay is { } decay ? FormattableString.Invariant($"weight decay {decay}") : "",
                L1 == 0 && L2 == 0 ? "" : FormattableString.Invariant($"penalty l1 {L1} l2 {L2}"),
                MaxNorm == 0 ? "" : FormattableString.Invariant($"max norm {MaxNorm}"),
            ];
            return string.Join(", ", parts.Where(part => part.Length > 0));
        }

        /// <summary>Norm of the gradient of the running update.</summary>
        public double Norm { get; set; }

        /// <summary>Factor of the running update's clipping by tensor.</summary>
        public double Scale { get; set; } = 1;
    }
}
