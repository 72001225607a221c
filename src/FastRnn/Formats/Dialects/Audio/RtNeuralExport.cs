using System.Buffers;
using System.Text.Json;
using FastRnn.Layers;

namespace FastRnn.Formats.Dialects.Audio;

/// <summary>Writes models as RTNeural's JSON, which RTNeural, AIDA-X and other audio programs run.</summary>
public static class RtNeuralExport
{
    /// <summary>Where FastRnn's probe stands; RTNeural does not look at it.</summary>
    internal const string Key = "fastrnn";

    /// <summary>Functions that RTNeural has, too.</summary>
    private static readonly string[] _functions = ["tanh", "relu", "sigmoid", "elu(1)"];

    /// <summary>
    /// Replaces the file atomically and durably. With the weights goes a small input and its output, which FastRnn runs again when it reads the file.
    /// </summary>
    /// <param name="model">Of <c>Lstm</c>, <c>Gru</c> and <c>Linear</c> layers without options, and activations; <c>Dropout</c> is left out.</param>
    /// <param name="path">The file.</param>
    /// <param name="metadata">Further fields, for example <c>samplerate</c>: numbers are written as numbers.</param>
    /// <exception cref="NotSupportedException">RTNeural cannot compute the model; the message names the layer.</exception>
    /// <exception cref="Training.NonFiniteException">A weight is not finite; the old file stays.</exception>
    /// <exception cref="IOException">The disk is full or failing, or the folder is missing; the old file stays.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder or file may not be written; the old file stays.</exception>
    public static void Save(Sequential model, string path, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentException.ThrowIfNullOrEmpty(path);
        AtomicFile.Write(path, [Bytes(model, metadata)]);
    }

    internal static byte[] Bytes(Sequential model, IReadOnlyDictionary<string, string>? metadata = null)
    {
        if (model.InitialState != null)
            throw new NotSupportedException("RTNeural has no initial state, the model has one");
        LayerInfo[] layers = [.. model.Layers.Select(Architecture.Describe)];
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { SkipValidation = true })) // the probe is written as it is
        {
            json.WriteStartObject();
            WriteShape(json, "in_shape", model.TakesTokens ? throw new NotSupportedException("RTNeural reads values, the model tokens") : model.InputSize);
            json.WriteStartArray("layers");
            int width = model.InputSize;
            for (int i = 0; i < layers.Length; i++)
                width = WriteLayer(json, i, model.Layers[i], layers[i], width);
            json.WriteEndArray();
            foreach ((string name, string value) in metadata ?? new Dictionary<string, string>())
                WriteField(json, name, value);
            json.WriteStartObject(Key);
            json.WritePropertyName("probe");
            json.WriteRawValue(StrictJson.Write(Formats.Probe.Record(model, layers)), skipInputValidation: true);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Names that mean something else in such a file.</summary>
    internal static bool IsReserved(string name) => name is "in_shape" or "layers" or "in_skip" or "architecture" or Key;

    private static void WriteField(Utf8JsonWriter json, string name, string value)
    {
        if (IsReserved(name))
            throw new ArgumentException($"metadata cannot be called {name}", nameof(name));
        json.WritePropertyName(name);
        if (IsNumber(value))
            json.WriteRawValue(value, skipInputValidation: true); // digit by digit what it was
        else
            json.WriteStringValue(value);
    }

    /// <summary>Whether a text is a number as JSON writes it.</summary>
    private static bool IsNumber(string value)
    {
        if (!double.TryParse(value, System.Globalization.NumberStyles.Float, System.Globalization.CultureInfo.InvariantCulture, out double number) || !double.IsFinite(number))
            return false;
        try
        {
            var reader = new Utf8JsonReader(System.Text.Encoding.UTF8.GetBytes(value));
            return reader.Read() && reader.TokenType == JsonTokenType.Number && reader.BytesConsumed == value.Length && !reader.Read();
        }
        catch (JsonException)
        {
            return false; // +1, .5, 1.
        }
    }

    private static void WriteShape(Utf8JsonWriter json, string name, int width)
    {
        json.WriteStartArray(name);
        json.WriteNullValue();
        json.WriteNullValue();
        json.WriteNumberValue(width);
        json.WriteEndArray();
    }

    private static int WriteLayer(Utf8JsonWriter json, int index, Layer layer, LayerInfo info, int input)
    {
        string? type = info.Type switch
        {
            "dropout" => null,
            "linear" => "dense",
            "lstm" or "gru" when RecurrentInfo.Options(info).All(option => option.Value == null || option.Name is "recurrent_dropout" or "weight_drop") => info.Type,
            "activation" when _functions.Contains(info.Activation) => "activation",
            "softmax" => "activation",
            _ => throw new NotSupportedException($"RTNeural has no layer {index}, {layer}"),
        };
        if (type == null)
            return input;
        int width = layer.OutputSize(input);
        json.WriteStartObject();
        json.WriteString("type", type);
        json.WriteString("activation", type switch { "dense" => "", "activation" => info.Activation?.Split('(')[0] ?? "softmax", _ => "tanh" });
        WriteShape(json, "shape", width);
        json.WriteStartArray("weights");
        foreach ((float[][] rows, bool isVector) in Arrays(layer, info))
            WriteArray(json, rows, isVector);
        json.WriteEndArray();
        json.WriteEndObject();
        return width;
    }

    /// <summary>Matrices as lists of rows; a vector is its only row.</summary>
    private static IEnumerable<(float[][] Rows, bool IsVector)> Arrays(Layer layer, LayerInfo info)
    {
        if (info.Type is "activation" or "softmax")
            yield break;
        int hidden = info.Hidden ?? info.Output!.Value;
        (string from, string to) = info.Type switch
        {
            "lstm" => (GateOrder.Lstm, GateOrder.KerasLstm),
            "gru" => (GateOrder.Gru, GateOrder.KerasGru),
            _ => (GateOrder.Rnn, GateOrder.Rnn),
        };
        float[][] values = [.. layer.Parameters.Select(parameter => Ordered(parameter, hidden, from, to))];
        int rows = to.Length * hidden;
        yield return (Rows(GateOrder.Transposed(values[0], rows, info.Input!.Value), rows), false);
        if (info.Type != "linear")
            yield return (Rows(GateOrder.Transposed(values[1], rows, hidden), rows), false);
        yield return info.Type switch
        {
            "linear" => ([values[1]], true),
            "gru" => ([values[2], values[3]], false),
            _ => ([[.. values[2].Zip(values[3], (input, recurrent) => input + recurrent)]], true), // the sum that the engine itself starts from
        };
    }

    private static float[] Ordered(Parameter parameter, int hidden, string from, string to)
    {
        var values = new float[parameter.Length];
        parameter.Read(values);
        if (ModelFile.FirstNonFinite(values) >= 0)
            throw new Training.NonFiniteException(parameter.Name);
        return GateOrder.Rows(values, hidden, parameter.Length / (to.Length * hidden), from, to);
    }

    private static float[][] Rows(float[] values, int columns) => [.. values.Chunk(columns)];

    private static void WriteArray(Utf8JsonWriter json, float[][] rows, bool isVector)
    {
        if (!isVector)
            json.WriteStartArray();
        foreach (float[] row in rows)
        {
            json.WriteStartArray();
            foreach (float value in row)
                json.WriteNumberValue(value);
            json.WriteEndArray();
        }
        if (!isVector)
            json.WriteEndArray();
    }
}
