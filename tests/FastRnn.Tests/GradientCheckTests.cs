using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests;

/// <summary>Every gradient of the reference against central differences; all other back ends are compared with the reference.</summary>
public class GradientCheckTests
{
    public static List<GradientCase> Cases()
    {
        var cases = new List<GradientCase>();
        foreach (int layers in new[] { 1, 2, 3 })
        {
            foreach (int steps in new[] { 1, 2, 3, 6, 17 })
            {
                foreach (int batch in new[] { 1, 2, 5 })
                {
                    // Every flag kind, window and dropout meets every layer count, length and batch in turn, not all with all.
                    for (int variant = 0; variant < 3; variant++)
                    {
                        int index = cases.Count;
                        cases.Add(new GradientCase(
                            layers, steps, batch, (FlagKind)(index % 5), index % 3, index % 4 == 3 ? 0.4f : 0f, 1000 + index));
                    }
                }
            }
        }
        return cases;
    }

    /// <summary>Every kind of flags with every cell: together 810 configurations.</summary>
    public static TheoryData<int, int> FlagsAndCells
    {
        get
        {
            var data = new TheoryData<int, int>();
            for (int flags = 0; flags < 5; flags++)
            {
                for (int cell = 0; cell < CellRun.Cells.Length; cell++)
                    data.Add(flags, cell);
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(FlagsAndCells))]
    public void AllGradientsAgreeWithCentralDifferences(int flags, int cell)
    {
        List<GradientCase> cases = Cases();
        Assert.True(cases.Count >= 120);
        Parallel.ForEach(cases.Where(c => (int)c.Flags == flags).Select(c => c with { Cell = cell, Seed = c.Seed + (10_000 * cell) }), test =>
        {
            string? failure = GradientCheck.Run(test, () => new ReferenceBackend());
            if (failure != null)
                Assert.Fail(failure);
        });
    }

    /// <summary>
    /// Encoder → decoder by hand: the encoder's final state is the decoder's initial state, and each decoder step reads what the
    /// readout made of the step before. One layer, many workspaces; gradients add up over all calls.
    /// </summary>
    [Fact]
    public void EncoderAndDecoderComposedByHand()
    {
        using var backend = new ReferenceBackend();
        var network = new EncoderDecoder(backend, seed: 5);
        network.Loss();
        network.Backward();
        foreach ((string name, DeviceBuffer value, DeviceBuffer gradient) in network.Targets())
        {
            double[] analytic = GradientCheck.Values(backend, gradient);
            for (int i = 0; i < analytic.Length; i++)
            {
                var direction = new double[analytic.Length];
                direction[i] = 1;
                double numeric = GradientCheck.Numeric(backend, value, direction, network.Loss);
                Assert.True(GradientCheck.Agree(analytic[i], numeric), $"{name}[{i}]: {analytic[i]:R}, central difference {numeric:R}");
            }
        }
    }

    private sealed class EncoderDecoder
    {
        private const int EncoderSteps = 4, DecoderSteps = 3, Batch = 2, Input = 3, Hidden = 4, Symbol = 2;
        private static readonly PassContext Pass = new(null, true, 0, 0, false);
        private readonly Backend _backend;
        private readonly Lstm _encoder = new(Input, Hidden), _decoder = new(Symbol, Hidden);
        private readonly Linear _readout = new(Hidden, Symbol);
        private readonly DeviceBuffer _x, _dX, _first, _dFirst, _weights;
        private readonly RecurrentWorkspace _encoding;
        private readonly RecurrentWorkspace[] _decoding = new RecurrentWorkspace[DecoderSteps];
        private readonly Workspace[] _reading = new Workspace[DecoderSteps];

        public EncoderDecoder(Backend backend, int seed)
        {
            _backend = backend;
            var random = new Random(seed);
            _encoder.Build(backend, 0, Input, 1);
            _decoder.Build(backend, 1, Symbol, 2);
            _readout.Build(backend, 2, Hidden, 3);
            _x = Filled(random, EncoderSteps * Batch, Input);
            _dX = backend.Allocate(EncoderSteps * Batch, Input);
            _first = Filled(random, Batch, Symbol);
            _dFirst = backend.Allocate(Batch, Symbol);
            _weights = Filled(random, DecoderSteps * Batch, Symbol);
            _encoding = (RecurrentWorkspace)_encoder.CreateWorkspace(Input, EncoderSteps, Batch, Keep.Everything);
            for (int k = 0; k < DecoderSteps; k++)
            {
                _decoding[k] = (RecurrentWorkspace)_decoder.CreateWorkspace(Symbol, 1, Batch, Keep.Everything);
                _reading[k] = _readout.CreateWorkspace(Hidden, 1, Batch, Keep.Everything);
            }
        }

        public double Loss()
        {
            _encoding.SetInitial(null);
            _encoder.Forward(_encoding, new LayerInput(_x), Pass);
            RecurrentState state = _encoding.Final;
            double loss = 0;
            for (int k = 0; k < DecoderSteps; k++)
            {
                _decoding[k].SetInitial(state);
                _decoder.Forward(_decoding[k], InputOf(k), Pass);
                _readout.Forward(_reading[k], new LayerInput(_decoding[k].Output), Pass);
                loss += GradientCheck.Dot(GradientCheck.Values(_backend, _reading[k].Output), GradientCheck.Values(_backend, WeightsOf(k)));
                state = _decoding[k].Final;
            }
            return loss;
        }

        public void Backward()
        {
            _backend.Zero(_encoding.OutputGradient!);
            for (int k = DecoderSteps - 1; k >= 0; k--)
            {
                DeviceBuffer dReading = _reading[k].OutputGradient!;
                if (k == DecoderSteps - 1)
                    _backend.Zero(dReading); // later steps have been written by the step after them, as the gradient of its input
                _backend.Accumulate(WeightsOf(k), dReading);
                _readout.Backward(_reading[k], new LayerInput(_decoding[k].Output), dReading, _decoding[k].OutputGradient, Pass);
                _decoding[k].FinalGradient = k + 1 < DecoderSteps ? _decoding[k + 1].InitialGradient : null;
                DeviceBuffer dInput = k == 0 ? _dFirst : _reading[k - 1].OutputGradient!;
                _decoder.Backward(_decoding[k], InputOf(k), _decoding[k].OutputGradient!, dInput, Pass);
            }
            _encoding.FinalGradient = _decoding[0].InitialGradient;
            _encoder.Backward(_encoding, new LayerInput(_x), _encoding.OutputGradient!, _dX, Pass);
        }

        public IEnumerable<(string Name, DeviceBuffer Value, DeviceBuffer Gradient)> Targets()
        {
            foreach (Layer layer in new Layer[] { _encoder, _decoder, _readout })
            {
                foreach (Parameter parameter in layer.Parameters)
                    yield return (parameter.Name, parameter.Value, parameter.Gradient);
            }
            yield return ("encoder input", _x, _dX);
            yield return ("first decoder input", _first, _dFirst);
        }

        private LayerInput InputOf(int k) => new(k == 0 ? _first : _reading[k - 1].Output);

        private DeviceBuffer WeightsOf(int k) => _backend.View(_weights, k * Batch, Batch);

        private DeviceBuffer Filled(Random random, int rows, int columns)
        {
            DeviceBuffer buffer = _backend.Allocate(rows, columns);
            _backend.Write(buffer, [.. Enumerable.Range(0, buffer.Length).Select(_ => (random.NextDouble() * 2) - 1)]);
            return buffer;
        }
    }
}
