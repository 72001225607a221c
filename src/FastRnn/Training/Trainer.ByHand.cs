namespace FastRnn.Training;

/// <summary>Updates from gradients that a loop by hand has added up.</summary>
public sealed partial class Trainer
{
    /// <summary>Penalties, clipping and update as after a window's backward pass; the gradient is zero then, unless windows accumulate.</summary>
    internal double UpdateByHand()
    {
        RequireOwnWeights();
        AddPenalties();
        double norm = EndGradient();
        BeginGradient();
        return norm;
    }
}
