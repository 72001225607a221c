using FastRnn.Formats;
using FastRnn.Formats.Dialects;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Formats;

/// <summary>Weights mistaken on purpose, as a reader of another dialect might: the refusal names the mistake.</summary>
public sealed class ProbeDiagnosisTests() : FileTest("model.safetensors")
{
    private const int Units = 5;

    public static TheoryData<string, string> Orders()
    {
        var orders = new TheoryData<string, string>();
        foreach (string gates in (string[])[GateOrder.Lstm, GateOrder.Gru])
        {
            foreach (string order in Permutations(gates).Where(order => order != gates))
                orders.Add(gates, order);
        }
        return orders;
    }

    [Theory]
    [MemberData(nameof(Orders))]
    public void Gates_in_another_order_are_named(string gates, string order)
    {
        using Sequential model = new(_backend, 3, new Linear(4, 6), gates == GateOrder.Lstm ? new Lstm(6, Units) { Peepholes = true } : new Gru(6, Units), new Linear(Units, 3));
        string message = Refused(model, file => Reorder(file, "1.", gates, order));
        Assert.EndsWith($"; with the gates of layer 1 taken as {Spaced(order)} instead of {Spaced(gates)} it would agree (at byte 8)", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Mistakes_of_all_layers_are_found_together()
    {
        using Sequential model = new(_backend, 3, new Lstm(4, Units), new Linear(Units, 4), new Lstm(4, Units));
        string message = Refused(model, file =>
        {
            Reorder(file, "0.", GateOrder.Lstm, GateOrder.OnnxLstm);
            Reorder(file, "2.", GateOrder.Lstm, GateOrder.OnnxLstm);
        });
        Assert.Contains("with the gates of layers 0 and 2 taken as i o f g instead of i f g o it would agree", message, StringComparison.Ordinal);
        Assert.Contains("the gates of layer 2 taken as i o f g", Refused(model, file => Reorder(file, "2.", GateOrder.Lstm, GateOrder.OnnxLstm)), StringComparison.Ordinal);
    }

    [Fact]
    public void Mistakes_within_other_layers_are_found()
    {
        using Sequential both = new(_backend, 3, new Bidirectional(new Gru(4, Units)), new Linear(2 * Units, 3));
        Assert.Contains("the gates of layer 0 taken as z r n instead of r z n", Refused(both, file =>
        {
            Reorder(file, "0.", GateOrder.Gru, GateOrder.OnnxGru);
            Reorder(file, "0.", GateOrder.Gru, GateOrder.OnnxGru, "_reverse");
        }), StringComparison.Ordinal);
        Assert.Contains("the two directions of layer 0 exchanged", Refused(both, file =>
        {
            foreach (string name in (string[])["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"])
                Exchange(file, "0." + name, $"0.{name}_reverse");
        }), StringComparison.Ordinal);
        using Sequential residual = new(_backend, 3, new Linear(3, Units), new Residual(new GoBackwards(new Lstm(Units, Units))));
        Assert.Contains("the gates of layer 1 taken as f i g o", Refused(residual, file => Reorder(file, "1.inner.", GateOrder.Lstm, "figo")), StringComparison.Ordinal);
    }

    [Fact]
    public void Matrices_that_lie_the_other_way_are_named()
    {
        using Sequential rnn = new(_backend, 3, new Linear(3, Units), new Rnn(Units, Units), new Linear(Units, 2));
        Assert.Contains("with the recurrent weights of layer 1 transposed it", Refused(rnn, file => Transpose(file, "1.weight_hh_l0", 1)), StringComparison.Ordinal);
        Assert.Contains("with the input weights of layer 1 transposed it", Refused(rnn, file => Transpose(file, "1.weight_ih_l0", 1)), StringComparison.Ordinal);
        Assert.Contains("with all weights of layer 1 transposed it", Refused(rnn, file =>
        {
            Transpose(file, "1.weight_ih_l0", 1);
            Transpose(file, "1.weight_hh_l0", 1);
        }), StringComparison.Ordinal);
        using Sequential lstm = new(_backend, 3, new Lstm(3, Units), new Linear(Units, Units), new Linear(Units, 2));
        Assert.Contains("with the recurrent weights of layer 0 transposed it", Refused(lstm, file => Transpose(file, "0.weight_hh_l0", 4)), StringComparison.Ordinal);
        Assert.Contains("with the weights of layer 1 transposed it", Refused(lstm, file => Transpose(file, "1.weight", 1)), StringComparison.Ordinal);
    }

    [Fact]
    public void Exchanged_biases_and_the_other_sense_of_an_update_gate_are_named()
    {
        using Sequential gru = new(_backend, 3, new Gru(3, Units), new Linear(Units, 2));
        Assert.Contains("with the two biases of layer 0 exchanged it", Refused(gru, file => Exchange(file, "0.bias_ih_l0", "0.bias_hh_l0")), StringComparison.Ordinal);
        Assert.Contains("with the update gate z of layer 0 taken as 1 - z it", Refused(gru, file =>
        {
            foreach (string name in (string[])["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"])
            {
                Span<float> values = file.Find("0." + name)!.Floats;
                GateOrder.Negate(values, Units, values.Length / (3 * Units), GateOrder.Gru, 'z');
            }
        }), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_permutation_is_refused_without_a_guess()
    {
        using Sequential model = new(_backend, 3, new Lstm(3, Units), new Linear(Units, 2));
        Assert.EndsWith("allowed difference 0.0001 (at byte 8)", Refused(model, file => file.Find("0.weight_hh_l0")!.Floats[7] += 0.5f), StringComparison.Ordinal);
    }

    /// <summary>The work is bounded: an order that comes late is found with enough of it, and with less nothing is said.</summary>
    [Fact]
    public void Work_is_bounded()
    {
        using Sequential model = new(_backend, 3, new Lstm(3, Units), new Linear(Units, 2));
        LayerInfo[] layers = [.. model.Layers.Select(Architecture.Describe)];
        ProbeRecord probe = Probe.Record(model, layers);
        foreach (Parameter parameter in model.Parameters.Take(4))
        {
            var values = new float[parameter.Length];
            parameter.Read(values);
            parameter.Write(GateOrder.Rows(values, Units, values.Length / (4 * Units), GateOrder.Lstm, "ogfi"));
        }
        long each = Probe.WeightsOf(model) * Probe.Steps;
        Assert.Null(ProbeDiagnosis.Explain(model, layers, probe, 22 * each));
        Assert.Equal("; with the gates of layer 0 taken as o g f i instead of i f g o it would agree", ProbeDiagnosis.Explain(model, layers, probe, 23 * each));
    }

    /// <summary>A table of which eight rows are read costs an attempt nothing.</summary>
    [Fact]
    public void A_large_embedding_leaves_room_for_attempts()
    {
        using Sequential model = new(_backend, 3, new Embedding(200_000, 16), new Lstm(16, 256), new Linear(256, 2));
        Assert.Contains("with the gates of layer 1 taken as", Refused(model, file =>
        {
            foreach (string name in (string[])["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"])
            {
                Span<float> values = file.Find("1." + name)!.Floats;
                GateOrder.Rows(values, 256, values.Length / (256 * 4), GateOrder.Lstm, "ogfi").CopyTo(values);
            }
        }), StringComparison.Ordinal);
    }

    private string Refused(Sequential model, Action<SafetensorsFile> mistake)
    {
        SafetensorsFile file = ModelFile.Describe(model, new ModelInfo());
        mistake(file);
        SafetensorsWriter.Write(Target, file);
        return Assert.Throws<ModelFormatException>(() => ModelFile.Load(Target, _backend)).Message;
    }

    /// <summary>Gates lie in the file in that order.</summary>
    private static void Reorder(SafetensorsFile file, string prefix, string gates, string order, string suffix = "")
    {
        foreach (string name in (string[])["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"])
        {
            Span<float> values = file.Find(prefix + name + suffix)!.Floats;
            GateOrder.Rows(values, Units, values.Length / (Units * gates.Length), gates, order).CopyTo(values);
        }
        if (file.Find(prefix + "weight_peephole_l0" + suffix) is { } peephole)
            GateOrder.Rows(peephole.Floats, Units, 1, GateOrder.Peepholes, order.Replace("g", "", StringComparison.Ordinal)).CopyTo(peephole.Floats);
    }

    private static void Exchange(SafetensorsFile file, string one, string other)
    {
        Span<float> a = file.Find(one)!.Floats, b = file.Find(other)!.Floats;
        float[] kept = a.ToArray();
        b.CopyTo(a);
        kept.CopyTo(b);
    }

    private static void Transpose(SafetensorsFile file, string name, int blocks)
    {
        Span<float> values = file.Find(name)!.Floats;
        for (int i = 0; i < blocks; i++)
        {
            Span<float> block = values.Slice(i * Units * Units, Units * Units);
            GateOrder.Transposed(block, Units, Units).CopyTo(block);
        }
    }

    private static IEnumerable<string> Permutations(string letters) => letters.Length <= 1
        ? [letters]
        : letters.SelectMany(first => Permutations(letters.Replace(first.ToString(), "", StringComparison.Ordinal)).Select(rest => first + rest));

    private static string Spaced(string gates) => string.Join(' ', gates.AsEnumerable());
}
