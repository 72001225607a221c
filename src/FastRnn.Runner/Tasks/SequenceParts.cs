using System.Text;
using FastRnn.Training;

namespace FastRnn.Runner;

/// <summary>Samples to train on, to validate with and to test on; the last two may be empty.</summary>
internal sealed record SequenceParts<T>(IReadOnlyList<T> Train, IReadOnlyList<T> Validation, IReadOnlyList<T> Test)
{
    /// <summary>Reads and cuts the data: first the test's samples by their places, then a share for validation by seed.</summary>
    /// <param name="data">The file or folder of <c>--data</c>.</param>
    /// <param name="settings">How to cut.</param>
    /// <param name="seed">Of the share.</param>
    /// <param name="read">Reads a file or folder.</param>
    /// <param name="path">The file that a sample stands in.</param>
    /// <param name="label">Samples of one label are cut in proportion.</param>
    /// <exception cref="CliException">A part would be empty.</exception>
    public static SequenceParts<T> Cut(
        string data, SequenceSettings settings, ulong seed, Func<string, IReadOnlyList<T>> read, Func<T, string> path, Func<T, string> label)
    {
        IReadOnlyList<T> all = read(data), test = settings.TestData is { } testData ? read(testData) : [];
        if (settings.TestEvery > 0)
        {
            (T[] train, T[] held)[] files = [.. all.GroupBy(path).Select(file => Split([.. file], SampleSplit.Every(file.Count(), settings.TestEvery)))];
            (all, test) = ([.. files.SelectMany(file => file.train)], [.. files.SelectMany(file => file.held)]);
        }
        (T[] training, T[] validation) = ([.. all], []);
        if (settings.ValidationSplit > 0)
        {
            string[] labels = [.. all.Select(label)];
            string[] names = [.. labels.Distinct()];
            (training, validation) = Split(training, SampleSplit.Stratified([.. labels.Select(one => Array.IndexOf(names, one))], settings.ValidationSplit, seed));
        }
        if (settings.ValidationData is { } validationData)
            validation = [.. read(validationData)];
        if (training.Length == 0 || (settings.ValidationSplit > 0 && validation.Length == 0))
        {
            throw new CliException(ExitCodes.BadInput, FormattableString.Invariant(
                $"{data}: {all.Count} samples leave {training.Length} to train on and {validation.Length} to validate with; --validation-split is {settings.ValidationSplit}"));
        }
        return new SequenceParts<T>(training, validation, test);
    }

    /// <summary>A checksum of what is trained and validated on.</summary>
    public string Checksum(Func<T, ReadOnlyMemory<byte>> content)
    {
        var hash = new Sha256();
        foreach (IReadOnlyList<T> part in (IReadOnlyList<T>[])[Train, Validation])
        {
            hash.Add(BitConverter.GetBytes(part.Count));
            foreach (T sample in part)
            {
                ReadOnlyMemory<byte> bytes = content(sample);
                hash.Add(BitConverter.GetBytes(bytes.Length));
                hash.Add(bytes.Span);
            }
        }
        return hash.Finish();
    }

    /// <summary>What says how good a model is: the test's samples, or those for validation where there is no test.</summary>
    public IReadOnlyList<T> Measured => Test.Count > 0 ? Test : Validation;

    /// <summary>The same cut of what the samples become.</summary>
    public SequenceParts<LabelledSequence> Encode(Func<T, LabelledSequence> encode) =>
        new([.. Train.Select(encode)], [.. Validation.Select(encode)], [.. Test.Select(encode)]);

    public static ReadOnlyMemory<byte> Bytes(params IEnumerable<string> words) => Encoding.UTF8.GetBytes(string.Join('\n', words));

    private static (T[] Train, T[] Held) Split(T[] samples, SampleSplit split) => ([.. split.Train.Select(i => samples[i])], [.. split.HeldOut.Select(i => samples[i])]);
}
