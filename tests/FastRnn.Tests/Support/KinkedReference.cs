using FastRnn.Backends;

namespace FastRnn.Tests.Support;

/// <summary>
/// The reference, which remembers on which side of every kink – of a clip, of a hard sigmoid, of a rectifier – the values of a forward pass lay.
/// A difference between points with a kink between them is no derivative.
/// </summary>
internal sealed class KinkedReference : ReferenceBackend
{
    private const double Epsilon = 1e-5;

    private ulong _sides;

    /// <summary>Distance from the closest kink since <see cref="Begin"/>; infinite where there are none.</summary>
    public double Closest { get; private set; }

    /// <summary>Another evaluation begins.</summary>
    public void Begin() => (_sides, Closest) = (14695981039346656037, double.PositiveInfinity);

    /// <summary>
    /// The derivative along a direction from differences over one and two steps of 1e-5, whose errors of second order cancel: normalisation of values
    /// that hardly differ bends too much for a plain one. Null when some value lay on different sides of a kink.
    /// </summary>
    public double? Derivative(DeviceBuffer buffer, double[] direction, Func<double> loss)
    {
        double[] at = GradientCheck.Values(this, buffer);
        var sides = new HashSet<ulong>();
        double Loss(double steps)
        {
            Write(buffer, [.. at.Zip(direction, (x, d) => x + (steps * Epsilon * d))]);
            Begin();
            double value = loss();
            sides.Add(_sides);
            return value;
        }

        double derivative = ((8 * (Loss(1) - Loss(-1))) - (Loss(2) - Loss(-2))) / (12 * Epsilon);
        Write(buffer, at);
        return sides.Count == 1 ? derivative : null;
    }

    internal override void Kink(double distance)
    {
        _sides = (_sides ^ (distance > 0 ? 1UL : 2UL)) * 1099511628211; // FNV-1a over the sides in order
        if (distance != 0) // two shut hard gates make c exactly 0, in any precision
            Closest = Math.Min(Closest, Math.Abs(distance));
    }
}
