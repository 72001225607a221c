using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Training;

/// <summary>
/// Keras's forms against its update equations, written down here for one weight in double as its sources have them, with its default numbers
/// where an option is left out. The rate falls with every step, where forms with the rate inside a momentum differ.
/// </summary>
public class KerasFormTests
{
    private const int Steps = 6;
    private static readonly double[] Start = [0.7, -0.4, 0.05, 1.3];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void SgdHasTheRateInsideItsMomentum(bool nesterov)
    {
        double momentum = 0.8f, m = 0;
        Check(() => new Sgd(0.1f, 0.8f, nesterov: nesterov, form: UpdateForm.Keras), () => m = 0, (w, g, lr, _) =>
        {
            m = (momentum * m) - (lr * g);
            return nesterov ? w + (momentum * m) - (lr * g) : w + m;
        });
    }

    [Fact]
    public void AdaGradStartsFromATenthAndHasEpsilonInside()
    {
        double sum = 0;
        Check(() => new AdaGrad(0.1f, form: UpdateForm.Keras), () => sum = 0.1f, (w, g, lr, _) =>
        {
            sum += g * g;
            return w - (lr * g / Math.Sqrt(sum + 1e-7f));
        });
    }

    [Theory]
    [InlineData(false, 0f)]
    [InlineData(true, 0f)]
    [InlineData(false, 0.6f)]
    [InlineData(true, 0.6f)]
    public void RmsPropHasEpsilonInsideAndTheRateInsideItsMomentum(bool centered, float momentum)
    {
        double rho = 0.9f, square = 0, mean = 0, m = 0;
        Check(() => new RmsProp(0.01f, momentum: momentum, centered: centered, form: UpdateForm.Keras), () => square = mean = m = 0, (w, g, lr, _) =>
        {
            square = (rho * square) + ((1 - rho) * g * g);
            mean = (rho * mean) + ((1 - rho) * g);
            double increment = lr * g / Math.Sqrt(square - (centered ? mean * mean : 0) + 1e-7f);
            m = (momentum * m) + increment;
            return w - (momentum > 0 ? m : increment);
        });
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AdamFoldsItsCorrectionsIntoTheRate(bool amsgrad)
    {
        double beta1 = 0.9f, beta2 = 0.5f, m = 0, v = 0, largest = 0;
        Check(() => new Adam(0.01f, beta2: 0.5f, epsilon: 0.01f, amsgrad: amsgrad, form: UpdateForm.Keras), () => m = v = largest = 0, (w, g, lr, t) =>
        {
            double alpha = lr * Math.Sqrt(1 - Math.Pow(beta2, t)) / (1 - Math.Pow(beta1, t));
            m += (g - m) * (1 - beta1);
            v += ((g * g) - v) * (1 - beta2);
            largest = Math.Max(largest, v);
            return w - (m * alpha / (Math.Sqrt(amsgrad ? largest : v) + 0.01f));
        });
    }

    [Fact]
    public void AdamWDecaysByItsOwnDefault()
    {
        double beta1 = 0.9f, beta2 = 0.999f, m = 0, v = 0;
        Check(() => new AdamW(0.01f, form: UpdateForm.Keras), () => m = v = 0, (w, g, lr, t) =>
        {
            w -= w * 0.004f * lr;
            double alpha = lr * Math.Sqrt(1 - Math.Pow(beta2, t)) / (1 - Math.Pow(beta1, t));
            m += (g - m) * (1 - beta1);
            v += ((g * g) - v) * (1 - beta2);
            return w - (m * alpha / (Math.Sqrt(v) + 1e-7f));
        });
    }

    [Fact]
    public void NadamsMomentumGrowsFaster()
    {
        double beta1 = 0.9f, beta2 = 0.999f, m = 0, v = 0, product = 1;
        double Share(int t) => beta1 * (1 - (0.5 * Math.Pow(0.96, t)));
        Check(() => new Nadam(0.01f, form: UpdateForm.Keras), () => (m, v, product) = (0, 0, 1), (w, g, lr, t) =>
        {
            product *= Share(t);
            m += (g - m) * (1 - beta1);
            v += ((g * g) - v) * (1 - beta2);
            double mHat = (Share(t + 1) * m / (1 - (product * Share(t + 1)))) + ((1 - Share(t)) * g / (1 - product));
            return w - (lr * mHat / (Math.Sqrt(v / (1 - Math.Pow(beta2, t))) + 1e-7f));
        });
    }

    [Fact]
    public void WeightDecayActsBesideTheGradient()
    {
        double m = 0;
        Check(() => new Sgd(0.1f, 0.8f, weightDecay: 0.3f, form: UpdateForm.Keras), () => m = 0, (w, g, lr, _) =>
        {
            w -= w * 0.3f * lr;
            m = (0.8f * m) - (lr * g);
            return w + m;
        });
    }

    /// <summary>(weight, gradient, rate, step from 1) → weight, on every weight by itself; reset puts the rule's memory back to its start.</summary>
    private static void Check(Func<Optimizer> create, Action reset, Func<double, double, double, int, double> rule)
    {
        var expected = new double[Start.Length];
        for (int i = 0; i < Start.Length; i++)
        {
            reset();
            expected[i] = (float)Start[i];
            for (int step = 1; step <= Steps; step++)
                expected[i] = rule(expected[i], Gradient(i, step), create().LearningRate * Rate(step), step);
        }
        foreach (Backend backend in (Backend[])[new ReferenceBackend(), new CpuBackend(1)])
        {
            using (backend)
            {
                double[] actual = Run(backend, create());
                double tolerance = backend is ReferenceBackend ? 1e-14 : 1e-6;
                for (int i = 0; i < expected.Length; i++)
                    Assert.InRange(actual[i], expected[i] - tolerance, expected[i] + tolerance);
            }
        }
    }

    private static double[] Run(Backend backend, Optimizer optimizer)
    {
        var parameter = new Parameter(backend, "w", backend.Allocate(1, Start.Length), Start.Length);
        backend.Write(parameter.Value, (ReadOnlySpan<float>)[.. Start.Select(value => (float)value)]);
        optimizer.Attach(backend, [parameter]);
        for (int step = 1; step <= Steps; step++)
        {
            backend.Write(parameter.Gradient, (ReadOnlySpan<float>)[.. Enumerable.Range(0, Start.Length).Select(i => (float)Gradient(i, step))]);
            optimizer.Update(backend, parameter, 0, new ParameterUpdate(step, optimizer.LearningRate * Rate(step), 1f, optimizer.WeightDecay));
        }
        var values = new double[Start.Length];
        backend.Read(parameter.Value, values);
        return values;
    }

    /// <summary>Exactly a float.</summary>
    private static double Gradient(int i, int step) => (float)(0.8 * Math.Sin((1.7 * i) + (2.3 * step)));

    private static double Rate(int step) => Math.Pow(0.6, step - 1);
}
