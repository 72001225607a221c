using FastRnn.Formats;
using FastRnn.Layers;
using FastRnn.Training;

namespace FastRnn.Mutations.Formats;

/// <summary>Checkpoints: what is accepted is a model, and either goes into a trainer, which can make its next step, or is refused by it.</summary>
internal sealed class CheckpointFormat : SafetensorsFormat
{
    private static readonly TextDataset _data = TextDataset.FromText("abcabcaabbcc");

    public override string Name => "checkpoint";

    public override string Extension => ".checkpoint";

    protected override IReadOnlyList<byte[]> CreateSamples()
    {
        using Sequential model = SampleModels.Characters(Backend), small = new(Backend, 7, new Embedding(3, 2), new Rnn(2, 3), new Linear(3, 3));
        var stopping = new EarlyStopping(model, 2);
        stopping.Report(1);
        var run = new RunState { Options = new Dictionary<string, string> { ["a"] = "b" }, Epochs = [new(1, 2, 3, 4, 5)], BestLoss = 1 };
        Trainer trainer = Trained(model), other = Trained(small);
        return
        [
            Bytes(CheckpointFile.Describe(trainer, new ModelInfo { Task = "char-lm", Vocabulary = _data.Vocabulary }, run, stopping)),
            Bytes(CheckpointFile.Describe(other, new ModelInfo(), new RunState())),
        ];
    }

    public override object Read(byte[] file) => CheckpointFile.Load(new MemoryStream(file, writable: false), "checkpoint", Backend);

    public override void Use(object content)
    {
        var checkpoint = (Checkpoint)content;
        Use(checkpoint.Model, checkpoint.Info);
        var trainer = new Trainer(checkpoint.Model, Loss.CrossEntropy, new Adam(0.01f));
        var stopping = new EarlyStopping(checkpoint.Model, 2);
        try
        {
            checkpoint.Restore(trainer, stopping, allowChanges: true);
        }
        catch (ModelFormatException)
        {
            return; // Moments of another optimizer: said when it is to go on.
        }
        try
        {
            if (checkpoint.Model.TakesTokens && checkpoint.Model.InputSize >= 3 && checkpoint.Model.OutputSize >= 3)
                trainer.Step(_data.Chunks(2, 3)[0]);
        }
        catch (Exception e) when (e is ArgumentException or NonFiniteException)
        {
            // Carried states of another number of streams, or weights so large that the loss overflows; both documented.
        }
    }

    /// <summary>Those of a model file are read by the same code.</summary>
    public override IEnumerable<(string Name, byte[] File)> Bombs()
    {
        yield return ("2^31 epochs", Said("\"epoch_count\":", "2147483647"));
        yield return ("2^31 summaries", Said("\"update_summary_count\":", "2147483647"));
        yield return ("2^31 streams", Said("\"batch\":", "2147483647"));
        yield return ("30,000 moments", Said("\"moments\":", $"[{string.Join(',', Enumerable.Range(0, 30_000).Select(i => $"\"m{i}\""))}]"));
        yield return ("100,000 counts of updates", Said("\"update_counts\":", $"[{string.Join(',', Enumerable.Repeat("1", 100_000))}]"));
        yield return ("lists 100,000 deep", Said("\"schedule\":", new string('[', 100_000)));
    }

    /// <summary>A checkpoint whose record has another value for one of its fields.</summary>
    private byte[] Said(string field, string value)
    {
        SafetensorsFile file = SafetensorsReader.Read(new MemoryStream(Samples[0], writable: false));
        string json = file.Metadata[CheckpointRecord.Key];
        int begin = json.IndexOf(field, StringComparison.Ordinal) + field.Length, end = json[begin] == '[' ? json.IndexOf(']', begin) + 1 : json.IndexOfAny([',', '}'], begin);
        file.Metadata[CheckpointRecord.Key] = json[..begin] + value + json[end..];
        return Bytes(file);
    }

    public override byte[] Fingerprint(object content)
    {
        var checkpoint = (Checkpoint)content;
        return base.Fingerprint(new FastRnn.Formats.Dialects.ImportedModel(Name, checkpoint.Model, checkpoint.Info));
    }

    private static Trainer Trained(Sequential model)
    {
        var trainer = new Trainer(model, Loss.CrossEntropy, new Adam(0.01f));
        trainer.Step(_data.Chunks(2, 3)[0]);
        return trainer;
    }
}
