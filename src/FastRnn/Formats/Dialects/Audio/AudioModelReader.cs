using System.Text.Json;
using FastRnn.Backends;

namespace FastRnn.Formats.Dialects.Audio;

/// <summary>Models of audio programs, all of them JSON.</summary>
internal sealed class AudioModelReader : IModelReader
{
    public string Name => "JSON of RTNeural, AIDA-X, GuitarML or Neural Amp Modeler";

    public bool Recognizes(ReadOnlySpan<byte> head, string path)
    {
        ReadOnlySpan<byte> text = head.StartsWith("\ufeff"u8) ? head[3..] : head;
        return text.TrimStart(" \t\r\n"u8) is [(byte)'{', ..];
    }

    public ImportedModel Read(Stream stream, string? path, Backend backend, ImportOptions options, CancellationToken cancellation)
    {
        byte[] file = WholeFile.Read(stream, path, options.Limits, cancellation);
        JsonTree root = new JsonTreeReader(file, path, options.Limits).Parse();
        if (root.Kind != JsonTreeKind.Object)
            throw root.Fail("must be an object");
        bool layers = root.Field("layers") != null || root.Field("in_shape") != null, nam = !layers && root.Field("architecture") != null;
        string format = nam ? "Neural Amp Modeler" : !layers ? "PyTorch state_dict in JSON" : root.Field("in_skip") != null ? "AIDA-X JSON" : "RTNeural JSON";
        var draft = new ModelDraft(format, path);
        if (nam)
            NamFile.Read(root, draft);
        else if (layers)
            RtNeuralFile.Read(root, draft);
        else
            GuitarMlFile.Read(root, draft, options, path);
        if (layers && root.Field(RtNeuralExport.Key) is { } own)
            draft.Probe = Probe(own);
        return draft.Build(backend, options);
    }

    private static ProbeRecord Probe(JsonTree own)
    {
        JsonTree probe = own.Required("probe");
        if (probe.End - probe.Offset > SafetensorsLimits.MetadataBytes)
            throw probe.Fail($"the probe has {probe.End - probe.Offset} bytes, more than the limit of {SafetensorsLimits.MetadataBytes}");
        try
        {
            return ProbeRecord.Read(StrictJson.Parse(probe.Raw()));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw own.Fail($"the probe is not valid: {ModelFormatException.Quote(StrictJson.Reason(e), longest: 200)}");
        }
    }
}
