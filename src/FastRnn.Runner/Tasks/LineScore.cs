using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Training;

namespace FastRnn.Runner;

/// <summary>How likely a character model finds a line: it starts after a line end, reads the line and is asked for the line end, too.</summary>
internal sealed class LineScore(Sequential model, Vocabulary vocabulary)
{
    private readonly Session _session = model.OpenSession();
    private readonly float[] _logits = new float[vocabulary.Count];
    private readonly bool _hasLineEnd = vocabulary.Symbols.Contains("\n");

    /// <exception cref="CliException">The line has a character that the model does not know.</exception>
    public LineResult Score(in TextLine line)
    {
        int[] tokens = Encode(line);
        _session.Reset();
        double nats = 0;
        for (int i = 0; i + 1 < tokens.Length; i++)
        {
            _session.Step(tokens[i], _logits);
            nats += Logits.LogSum(_logits) - _logits[tokens[i + 1]];
        }
        int counted = tokens.Length - 1;
        return new LineResult(line.Text, counted == 0 ? 0 : nats / counted, counted);
    }

    private int[] Encode(in TextLine line)
    {
        try
        {
            return vocabulary.Encode(_hasLineEnd ? $"\n{line.Text}\n" : line.Text);
        }
        catch (UnknownSymbolException e)
        {
            throw new CliException(ExitCodes.BadInput, FormattableString.Invariant(
                $"{line.Source}, line {line.Number}: {Show(e.Symbol)} is not among the {vocabulary.Count} characters of the model"));
        }
    }

    private static string Show(string symbol) => char.IsControl(symbol, 0) ? FormattableString.Invariant($"U+{(int)symbol[0]:X4}") : $"'{symbol}'";
}
