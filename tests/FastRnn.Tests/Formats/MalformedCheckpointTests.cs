using System.Text;
using FastRnn.Formats;
using FastRnn.Mutations.Changes;
using FastRnn.Mutations.Formats;
using Xunit;

namespace FastRnn.Tests.Formats;

/// <summary>Handcrafted broken checkpoints: the file is whole, its checksum true, and what it says of the training makes no sense; refused for the stated reason at the stated byte.</summary>
public sealed class MalformedCheckpointTests
{
    private static readonly CheckpointFormat _format = new();

    private static readonly byte[] _sample = _format.Samples[0];

    /// <summary>A field of the record, what it is replaced by – nothing: the field goes –, part of the message, and the tensor whose bytes the offset names; null: the header's begin.</summary>
    public static TheoryData<string, string, string, string?> Records()
    {
        var cases = new TheoryData<string, string, string, string?>();
        foreach (string field in (string[])["steps", "time"])
            AddNumbers(cases, field, "a whole number of 64 bits");
        foreach (string field in (string[])["batch", "epoch_count", "pending_windows", "update_summary_count", "run.epoch", "run.chunk", "early_stopping.reports", "early_stopping.best_report"])
            AddNumbers(cases, field, "a whole number of 32 bits");
        foreach (string field in (string[])["run", "steps", "time", "moments", "batch", "epoch_count"])
            cases.Add(field, "", $"missing required properties including: '{field}'", null);
        foreach (string field in (string[])["reports", "best_report", "best_loss"])
            cases.Add($"early_stopping.{field}", "", $"$.early_stopping: The JSON object was missing required properties including: '{field}'", null);
        foreach (string field in (string[])["steps", "time", "batch", "run.epoch", "run.chunk", "run.loss_count"])
            cases.Add(field, "-1", "a counter of the checkpoint is negative", null);
        AddKinds(cases);
        AddMeanings(cases);
        return cases;
    }

    [Theory]
    [MemberData(nameof(Records))]
    public void Record_that_makes_no_sense_is_refused_for_the_stated_reason_at_the_stated_byte(string field, string value, string reason, string? tensor)
    {
        SafetensorsFile file = SafetensorsSamples.Read(_sample);
        byte[] record = Encoding.UTF8.GetBytes(file.Metadata[CheckpointRecord.Key]);
        file.Metadata[CheckpointRecord.Key] = Encoding.UTF8.GetString(Replaced(record, field, value));
        AssertRefused(file, reason, tensor);
    }

    [Theory]
    [InlineData("", "not valid")]
    [InlineData("{", "not valid")]
    [InlineData("[]", "could not be converted to an object")]
    [InlineData("null", "null is not a value here")]
    [InlineData("{}", "missing required properties including: 'run'")]
    [InlineData("{\"steps\":1,\"steps\":1}", "field steps appears twice")]
    [InlineData("{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}}}", "maximum configured depth of 8")]
    [InlineData("{\"run\":{}}{}", "not valid")]
    [InlineData("{\"run\":\"\\ud800\"}", "not valid")]
    public void Record_that_is_none(string record, string reason)
    {
        SafetensorsFile file = SafetensorsSamples.Read(_sample);
        file.Metadata[CheckpointRecord.Key] = record;
        AssertRefused(file, reason, null);
    }

    [Theory]
    [InlineData("optimizer.m.0.weight")]
    [InlineData("optimizer.v.1.weight_hr_l0")]
    [InlineData("state.h.1")]
    [InlineData("state.c.1")]
    [InlineData("state.h.2")]
    [InlineData("early_stopping.best.4.bias")]
    [InlineData("run.epochs")]
    [InlineData("1.weight_peephole_l0")]
    public void Tensor_that_is_missing_or_of_another_shape_or_type(string name)
    {
        SafetensorsFile file = SafetensorsSamples.Read(_sample);
        SafetensorsTensor tensor = file.Find(name)!;
        int at = file.Tensors.IndexOf(tensor);
        file.Tensors.RemoveAt(at);
        AssertRefused(file, $"tensor '{name}' is missing", null);
        file.Tensors.Insert(at, new(name, tensor.Type, [.. tensor.Shape, 1], tensor.Bytes));
        AssertRefused(file, "the architecture needs", name);
        file.Tensors[at] = new(name, TensorType.U8, [tensor.Bytes.Length], tensor.Bytes);
        AssertRefused(file, "is U8", name);
        file.Tensors[at] = tensor;
        file.Tensors.Add(new("more." + name, tensor.Type, tensor.Shape));
        AssertRefused(file, $"tensor 'more.{name}' belongs to no layer", "more." + name);
    }

    private static void AddNumbers(TheoryData<string, string, string, string?> cases, string field, string kind)
    {
        cases.Add(field, "\"1\"", $"$.{field}: The JSON value could not be converted to {kind}", null);
        cases.Add(field, "1.5", $"$.{field}: The JSON value could not be converted to {kind}", null);
        cases.Add(field, "99999999999999999999", $"$.{field}: The JSON value could not be converted to {kind}", null);
        cases.Add(field, "null", $"$.{field}: null is not a value here, it must be {kind}", null);
    }

    private static void AddKinds(TheoryData<string, string, string, string?> cases)
    {
        cases.Add("run", "1", "$.run: The JSON value could not be converted to an object", null);
        cases.Add("run", "null", "$.run: null is not a value here", null);
        cases.Add("run.options", "[]", "$.run.options: The JSON value could not be converted to an object", null);
        cases.Add("run.options", "{\"a\":1}", "$.run.options.a: The JSON value could not be converted to a text", null);
        cases.Add("run.epoch", "0,\"x\":1", "The JSON property 'x' is not one of those that can stand here", null);
        cases.Add("run.loss_sum", "\"x\"", "$.run.loss_sum: The JSON value could not be converted to a number", null);
        cases.Add("moments", "\"m\"", "$.moments: The JSON value could not be converted to a list", null);
        cases.Add("moments", "[1]", "$.moments[0]: The JSON value could not be converted to a text", null);
        cases.Add("update_counts", "[null]", "$.update_counts[0]: null is not a value here", null);
        cases.Add("schedule", "1", "$.schedule: The JSON value could not be converted to a list", null);
        cases.Add("schedule", "[true]", "$.schedule[0]: The JSON value could not be converted to a number", null);
        cases.Add("settings", "[]", "$.settings: The JSON value could not be converted to an object", null);
        cases.Add("settings", "{\"a\":{}}", "$.settings.a: The JSON value could not be converted to a text", null);
        cases.Add("steps", "1,\"x\":1", "$.x: The JSON property 'x' is not one of those that can stand here", null);
        cases.Add("steps", "1,\"time\":3", "field time appears twice", null);
    }

    private static void AddMeanings(TheoryData<string, string, string, string?> cases)
    {
        cases.Add("moments", "[\"m\",\"m\"]", "the names of the optimizer's moments are not valid", null);
        cases.Add("moments", "[\"\",\"v\"]", "the names of the optimizer's moments are not valid", null);
        cases.Add("moments", "[null,\"v\"]", "the names of the optimizer's moments are not valid", null);
        cases.Add("moments", "[1,2,3,4,5,6,7,8,9]".Replace(",", "\",\"", StringComparison.Ordinal).Replace("[", "[\"", StringComparison.Ordinal).Replace("]", "\"]", StringComparison.Ordinal), "the names of the optimizer's moments are not valid", null);
        cases.Add("moments", "[\"m\",\"x\"]", "tensor 'optimizer.x.0.weight' is missing", null);
        cases.Add("moments", "[\"m\"]", "tensor 'optimizer.v.0.weight' belongs to no layer", "optimizer.v.0.weight");
        cases.Add("moments", "[\"m\",\"v\",\"gradient\"]", "the windows that wait for an update are not those of the checkpoint", null);
        cases.Add("pending_windows", "1", "the windows that wait for an update are not those of the checkpoint", null);
        cases.Add("pending_windows", "-1", "the windows that wait for an update are not those of the checkpoint", null);
        cases.Add("update_counts", "[1]", "the updates of the parameters are not valid", null);
        cases.Add("epoch_count", "-1", "the epochs of the checkpoint are not where they belong", null);
        cases.Add("run.epochs", "[{}]", "the epochs of the checkpoint are not where they belong", null);
        cases.Add("epoch_count", "0", "tensor 'run.epochs' belongs to no layer", "run.epochs");
        cases.Add("epoch_count", "2", "tensor 'run.epochs' is F64 [1, 6]; the architecture needs F64 [2, 6]", "run.epochs");
        cases.Add("epoch_count", "2147483647", "the architecture needs F64 [2147483647, 6]", "run.epochs");
        cases.Add("update_summary_count", "-1", "the checkpoint says that it has -1 rows of updates", null);
        cases.Add("update_summary_count", "2147483647", "the checkpoint says that it has 2147483647 rows of updates", null);
        cases.Add("update_summary_count", "1", "tensor 'run.updates' is missing", null);
        cases.Add("batch", "0", "tensor 'state.h.1' belongs to no layer", "state.h.1");
        cases.Add("batch", "3", "tensor 'state.h.1' is F32 [2, 3]; the architecture needs F32 [3, 3]", "state.h.1");
        cases.Add("batch", "2147483647", "the architecture needs F32 [2147483647, 3]", "state.h.1");
        cases.Add("early_stopping", "null", "tensor 'early_stopping.best.0.weight' belongs to no layer", "early_stopping.best.0.weight");
        foreach ((string field, string value) in (ReadOnlySpan<(string, string)>)[("best_report", "2"), ("best_report", "-1"), ("best_report", "0"), ("reports", "0"), ("best_loss", "\"NaN\""), ("best_loss", "1e999")])
            cases.Add($"early_stopping.{field}", value, "what early stopping remembers is not valid", null);
    }

    /// <summary>The value of a field, and of a field in it behind a point, replaced.</summary>
    private static byte[] Replaced(byte[] json, string field, string value)
    {
        (int from, int to) = (0, json.Length);
        JsonPlace place = default;
        foreach (string name in field.Split('.'))
        {
            byte[] key = Encoding.UTF8.GetBytes($"\"{name}\":");
            place = JsonScan.Places(json).First(candidate => candidate.Begin >= from && candidate.End <= to && candidate.Key >= 0 && json.AsSpan(candidate.Key).StartsWith(key));
            (from, to) = (place.Begin, place.End);
        }
        if (value.Length > 0)
            return ByteChanges.Replace(json, place.Begin, place.End - place.Begin, Encoding.UTF8.GetBytes(value));
        bool isLast = json[place.End] != ',';
        int begin = place.Key - (isLast ? 1 : 0);
        return ByteChanges.Replace(json, begin, place.End + (isLast ? 0 : 1) - begin, []);
    }

    private static void AssertRefused(SafetensorsFile file, string reason, string? tensor)
    {
        byte[] bytes = SafetensorsSamples.Bytes(file);
        var error = Assert.Throws<ModelFormatException>(() => _format.Read(bytes));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.Equal(tensor == null ? SafetensorsHeaderParser.Start : SafetensorsSamples.Read(bytes).Find(tensor)!.Offset, error.Offset);
        Assert.DoesNotContain('\n', error.Message);
    }
}
