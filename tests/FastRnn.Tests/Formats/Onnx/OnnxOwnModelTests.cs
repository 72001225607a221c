using System.Text;
using FastRnn.Formats;
using FastRnn.Formats.Dialects;
using FastRnn.Formats.Dialects.Onnx;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Formats.Onnx;

/// <summary>What FastRnn writes as ONNX comes back as the model that it was.</summary>
public sealed class OnnxOwnModelTests() : FileTest("model.onnx")
{
    public static TheoryData<string> Cases => [.. ExportCases.All.Keys];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Models_come_back(string name)
    {
        using var model = new Sequential(_backend, 5, ExportCases.All[name]());
        foreach (bool states in (bool[])[false, true])
        {
            OnnxExport.Save(model, new ModelInfo { Task = "a task" }, Target, new OnnxExportOptions { States = states });
            using ImportedModel read = ModelImport.Load(Target, _backend);
            Assert.Equal(("FastRnn ONNX", "a task", 5ul), (read.Format, read.Info.Task, read.Info.Seed));
            Assert.Equal(model.Layers.Select(layer => layer.ToString()), read.Sequential!.Layers.Select(layer => layer.ToString()));
            Assert.Equal(ModelFileTests.AllWeights(model), ModelFileTests.AllWeights(read.Sequential));
        }
    }

    [Fact]
    public void Preprocessing_comes_back()
    {
        using var model = new Sequential(_backend, 5, new Embedding(3, 2), new Gru(2, 4), new Linear(4, 3));
        OnnxExport.Save(model, new ModelInfo { Task = "char-lm", Vocabulary = new Vocabulary(["a", "b", "é"]) }, Target);
        using ImportedModel read = ModelImport.Load(Target, _backend);
        Assert.Equal(["a", "b", "é"], read.Info.Vocabulary!.Symbols);
        string again = Path.Combine(_folder, "again.onnx");
        OnnxExport.Save(read.Sequential!, read.Info, again);
        Assert.Equal(File.ReadAllBytes(Target), File.ReadAllBytes(again));
    }

    /// <summary>The architecture in the metadata says nothing of a graph that has been changed: here an activation of another kind.</summary>
    [Fact]
    public void Changed_graphs_are_not_taken_for_what_they_were()
    {
        using var model = new Sequential(_backend, 5, new Linear(3, 4), Activation.Tanh(), new Linear(4, 2));
        OnnxExport.Save(model, new ModelInfo(), Target);
        byte[] bytes = File.ReadAllBytes(Target);
        int at = bytes.AsSpan().IndexOf("\"\u0004Tanh"u8);
        "Relu"u8.CopyTo(bytes.AsSpan(at + 2));
        Assert.Null(OnnxOwnModel.Read(OnnxParser.Model(bytes, null, ImportLimits.Default), bytes, null, _backend, new ImportOptions()));
    }

    /// <summary>The graph is as written, and its weights are not those of the probe.</summary>
    [Fact]
    public void Changed_weights_are_found_by_the_probe()
    {
        using var model = new Sequential(_backend, 5, new Lstm(3, 4), new Linear(4, 2));
        OnnxExport.Save(model, new ModelInfo(), Target);
        byte[] bytes = File.ReadAllBytes(Target);
        var weight = new float[model.Parameters[^2].Length];
        model.Parameters[^2].Read(weight);
        byte[] first = BitConverter.GetBytes(weight[0]);
        int at = bytes.AsSpan().IndexOf(first);
        BitConverter.GetBytes(weight[0] + 1).CopyTo(bytes, at);
        File.WriteAllBytes(Target, bytes);
        Assert.Contains("does not compute what it did", Assert.Throws<ModelFormatException>(() => ModelImport.Load(Target, _backend)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Metadata_that_breaks_a_rule_is_refused()
    {
        using var model = new Sequential(_backend, 5, new Linear(3, 4));
        OnnxExport.Save(model, new ModelInfo(), Target);
        byte[] bytes = File.ReadAllBytes(Target);
        int at = bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes("\"layers\""));
        bytes[at + 1] = (byte)'x';
        File.WriteAllBytes(Target, bytes);
        Assert.Contains("metadata fastrnn.architecture is not valid", Assert.Throws<ModelFormatException>(() => ModelImport.Load(Target, _backend)).Message, StringComparison.Ordinal);
    }
}
