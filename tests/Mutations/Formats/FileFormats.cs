namespace FastRnn.Mutations.Formats;

/// <summary>All that there are.</summary>
internal static class FileFormats
{
    /// <summary>New ones at every call: tests run beside each other.</summary>
    public static FileFormat[] All() =>
    [
        new SafetensorsFormat(),
        new CheckpointFormat(),
        new KerasHdf5Format(),
        new KerasArchiveFormat(),
        new OnnxFormat(),
        new StateDictFormat(),
        new RtNeuralFormat(),
        new GuitarMlFormat(),
        new NamFormat(),
        new NpyTensors(),
        new ProtoTensors(),
        new JsonTensors(),
        new CsvTensors(),
    ];

    /// <exception cref="ArgumentException">There is none of that name.</exception>
    public static FileFormat Find(string name) =>
        Array.Find(All(), format => format.Name == name) ?? throw new ArgumentException($"no format '{name}'; there are {string.Join(", ", All().Select(format => format.Name))}");
}
