using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Formats.Dialects;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Training;

namespace FastRnn.Mutations.Formats;

/// <summary>A kind of model file: what is accepted runs step by step and at once, and survives being saved, with equal bits.</summary>
internal abstract class ModelFormat : FileFormat
{
    private const int Steps = 3;

    /// <summary>Each format's own: a back end is used by one thread at a time, and formats are read beside each other.</summary>
    protected CpuBackend Backend { get; } = new(threads: 1);

    /// <summary>No such folder: what lies beside the file cannot be found.</summary>
    private string Path => $"/nonexistent/model{Extension}";

    /// <summary>Lower than the defaults, so that what is accepted can be run in little memory.</summary>
    private static readonly ImportOptions _lower = new() { Limits = ImportLimits.Default with { TensorBytes = 16 << 20 } };

    public override object Read(byte[] file) => ModelImport.Load(new MemoryStream(file, writable: false), Path, Backend, HasDefaultLimits ? new ImportOptions() : _lower);

    public override void Use(object content)
    {
        var model = (ImportedModel)content;
        if (model.Sequential != null)
            Use(model.Sequential, model.Info);
        else
            GraphRuns.Use(model.Graph!);
    }

    public override byte[] Fingerprint(object content)
    {
        var model = (ImportedModel)content;
        if (model.Sequential == null)
            return GraphRuns.Fingerprint(model.Graph!);
        return [.. System.Text.Encoding.UTF8.GetBytes(string.Join(",", model.Sequential.Layers)), .. Bits(Run(model.Sequential))];
    }

    /// <exception cref="InvalidDataException">The model does something else once it has been saved, or step by step.</exception>
    protected void Use(Sequential model, ModelInfo info)
    {
        float[] outputs = Run(model);
        if (model.LayerThatReadsAhead == null && !Bits(Step(model)).AsSpan().SequenceEqual(Bits(outputs)))
            throw new InvalidDataException("step by step the bits are others");
        SafetensorsFile file;
        try
        {
            file = ModelFile.Describe(model, info);
        }
        catch (NonFiniteException)
        {
            return; // Weights so large that outputs overflow: the model runs, and saving it is refused by name.
        }
        byte[] saved = SafetensorsFormat.Bytes(file);
        (Sequential again, ModelInfo known) = ModelFile.Load(new MemoryStream(saved, writable: false), Backend);
        using (again)
        {
            if (!Bits(Run(again)).AsSpan().SequenceEqual(Bits(outputs)))
                throw new InvalidDataException("saved and loaded, the bits are others");
            if (!SafetensorsFormat.Bytes(ModelFile.Describe(again, known)).AsSpan().SequenceEqual(saved))
                throw new InvalidDataException("saved again, the file is another");
        }
    }

    /// <summary>A window from the zero state.</summary>
    private static float[] Run(Sequential model)
    {
        LayerInput input;
        if (model.TakesTokens)
        {
            input = new LayerInput(Tokens(model));
        }
        else
        {
            DeviceBuffer values = model.Backend.Allocate(Steps, model.InputSize);
            model.Backend.Write(values, Values(model));
            input = new LayerInput(values);
        }
        DeviceBuffer y = model.Forward(model.CreateWorkspace(Steps, 1, Keep.Nothing), input, null, new PassContext(null, false, model.Seed, 0, false));
        var outputs = new float[y.Length];
        model.Backend.Read(y, outputs);
        return outputs;
    }

    private static float[] Step(Sequential model)
    {
        using Session session = model.OpenSession();
        var outputs = new float[Steps * session.OutputSize];
        int[] tokens = Tokens(model);
        float[] values = model.TakesTokens ? [] : Values(model);
        for (int t = 0; t < Steps; t++)
        {
            Span<float> y = outputs.AsSpan(t * session.OutputSize, session.OutputSize);
            if (session.TakesTokens)
                session.Step(tokens[t], y);
            else
                session.Step(values.AsSpan(t * session.InputSize, session.InputSize), y);
        }
        return outputs;
    }

    private static int[] Tokens(Sequential model) => [.. Enumerable.Range(0, Steps).Select(t => t * 7 % model.InputSize)];

    private static float[] Values(Sequential model)
    {
        var values = new float[Steps * model.InputSize];
        for (int i = 0; i < values.Length; i++)
            values[i] = MathF.Sin((0.7f * i) + 1);
        return values;
    }

    private static byte[] Bits(float[] values) => System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan()).ToArray();
}
