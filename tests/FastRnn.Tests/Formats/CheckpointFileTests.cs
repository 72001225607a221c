using System.Text;
using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Formats;

/// <summary>Training on from a checkpoint is training that never stopped, bit for bit; a damaged checkpoint is never used.</summary>
public sealed class CheckpointFileTests() : FileTest("model.checkpoint")
{
    private const int Batch = 3, TimeSteps = 7;

    private readonly TextDataset _data = TextDataset.FromText(
        string.Concat(Enumerable.Range(0, 60).Select(i => "abcdefg hij"[i * i % 11] + (i % 3 == 0 ? "ab" : "c "))));

    public static TheoryData<bool, bool, int> Resumes()
    {
        var cases = new TheoryData<bool, bool, int>();
        foreach (bool adam in (bool[])[true, false])
        {
            foreach (bool carry in (bool[])[true, false])
            {
                foreach (int at in (int[])[1, 2, 7, 8, 9, 13])
                    cases.Add(adam, carry, at);
            }
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Resumes))]
    public void Resumed_training_gives_the_bits_of_training_that_never_stopped(bool adam, bool carry, int at)
    {
        const int Total = 26; // more than two passes
        using var model = Model();
        var trainer = Trainer(model, adam, carry);
        Train(trainer, 0, at);
        CheckpointFile.Save(trainer, new ModelInfo(), Position(at), Target);
        var losses = Train(trainer, at, Total);

        using var backend = new CpuBackend(threads: 2);
        var checkpoint = CheckpointFile.Load(Target, backend);
        using var resumedModel = checkpoint.Model;
        var resumed = Trainer(resumedModel, adam, carry);
        checkpoint.Restore(resumed);
        Assert.Equal(at, resumed.Steps);
        var resumedLosses = Train(resumed, (checkpoint.Run.Epoch * Chunks.Count) + checkpoint.Run.Chunk, Total);

        Assert.Equal(losses, resumedLosses);
        Assert.Equal(Content(trainer, Total), Content(resumed, Total));
        if (carry)
        {
            // The test can fail: without the carried state or the moments the bits differ.
            var (partialModel, _) = ModelFile.Load(Target, backend);
            using (partialModel)
                Assert.NotEqual(losses, Train(Trainer(partialModel, adam, carry), at, Total));
        }
    }

    /// <summary>State inside a residual is carried on; a layer in both directions has none to carry.</summary>
    [Fact]
    public void State_inside_another_layer_is_kept()
    {
        using var model = new Sequential(_backend, 2, new Embedding(_data.Vocabulary.Count, 4), new Residual(new Lstm(4, 4)), new Linear(4, _data.Vocabulary.Count));
        var trainer = Trainer(model, adam: true, carry: true);
        Train(trainer, 0, 5);
        CheckpointFile.Save(trainer, new ModelInfo(), Position(5), Target);
        var checkpoint = CheckpointFile.Load(Target, _backend);
        using var resumedModel = checkpoint.Model;
        var resumed = Trainer(resumedModel, adam: true, carry: true);
        checkpoint.Restore(resumed);
        Assert.Equal(Train(trainer, 5, 9), Train(resumed, 5, 9));
        Assert.Equal(["state.h.1", "state.c.1"], SafetensorsReader.Read(Target).Tensors.Select(t => t.Name).Where(name => name.StartsWith("state", StringComparison.Ordinal)));

        using var both = new Sequential(_backend, 2, new Embedding(3, 4), new Bidirectional(new Lstm(4, 4)), new Linear(8, 3));
        trainer = new Trainer(both, Loss.CrossEntropy, new Sgd(0.1f));
        trainer.Step(new SequenceChunk(4, 2) { StartsStreams = true });
        CheckpointFile.Save(trainer, new ModelInfo(), Position(1), Target);
        using var loaded = CheckpointFile.Load(Target, _backend).Model;
        Assert.Equal(both.Layers.Select(layer => layer.ToString()), loaded.Layers.Select(layer => layer.ToString()));
    }

    [Fact]
    public void Save_load_save_gives_identical_bytes()
    {
        using var model = Model();
        var trainer = Trainer(model);
        Train(trainer, 0, 9);
        var info = new ModelInfo { Task = "char-lm", Vocabulary = _data.Vocabulary };
        CheckpointFile.Save(trainer, info, Position(9), Target);

        var checkpoint = CheckpointFile.Load(Target, _backend);
        using var again = checkpoint.Model;
        var restored = Trainer(again);
        checkpoint.Restore(restored);
        CheckpointFile.Save(restored, checkpoint.Info, checkpoint.Run, Target + "2");
        Assert.Equal(File.ReadAllBytes(Target), File.ReadAllBytes(Target + "2"));
        Assert.Equal(_data.Vocabulary.Symbols, checkpoint.Info.Vocabulary!.Symbols);
        Assert.Equal(new EpochSummary(1, 2.5, 2.25, 1000, 1.5), Assert.Single(checkpoint.Run.Epochs));
        Assert.Equal("3", checkpoint.Run.Options["batch"]);
    }

    /// <summary>As text they would be more than a file may have of metadata.</summary>
    [Fact]
    public void Thousands_of_epochs_come_back_to_the_bit()
    {
        using var model = Model();
        var trainer = Trainer(model);
        EpochSummary[] epochs =
        [
            new(1, 2.5, null, 1e5, 3), new(2, double.Epsilon, double.NaN, double.PositiveInfinity, double.MaxValue),
            .. Enumerable.Range(3, 20_000).Select(i => new EpochSummary(i, 1.0 / i, 1 + (1.0 / i), 123456.75 + i, 0.1 * i)),
        ];
        CheckpointFile.Save(trainer, new ModelInfo(), Position(0) with { Epochs = epochs }, Target);
        var checkpoint = CheckpointFile.Load(Target, _backend);
        using (checkpoint.Model)
            Assert.Equal(epochs, checkpoint.Run.Epochs);
    }

    [Fact]
    public void A_checkpoint_is_also_a_model()
    {
        using var model = Model();
        var trainer = Trainer(model);
        Train(trainer, 0, 3);
        CheckpointFile.Save(trainer, new ModelInfo(), Position(3), Target);
        var (loaded, _) = ModelFile.Load(Target, _backend);
        using (loaded)
            Assert.Equal(ModelFileTests.AllWeights(model), ModelFileTests.AllWeights(loaded));

        model.Save(Target);
        Assert.Contains("lacks fastrnn.checkpoint", Assert.Throws<ModelFormatException>(() => CheckpointFile.Load(Target, _backend)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Saving_does_not_disturb_training()
    {
        using var model = Model();
        var trainer = Trainer(model);
        using var other = Model();
        var quiet = Trainer(other);
        for (int step = 0; step < 12; step++)
        {
            Train(trainer, step, step + 1);
            Train(quiet, step, step + 1);
            CheckpointFile.Save(trainer, new ModelInfo(), Position(step + 1), Target);
        }

        Assert.Equal(Content(quiet, 12), Content(trainer, 12));
    }

    [Fact]
    public void A_thousand_random_bit_flips_are_all_found()
    {
        using var model = Model();
        var trainer = Trainer(model);
        Train(trainer, 0, 3);
        byte[] file = Content(trainer, 3);
        for (int seed = 0; seed < 1000; seed++)
        {
            byte[] damaged = (byte[])file.Clone();
            int bit = new Random(seed).Next(file.Length * 8);
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            File.WriteAllBytes(Target, damaged);
            var error = Record.Exception(() => CheckpointFile.Load(Target, _backend).Model.Dispose());
            Assert.True(error is ModelFormatException, $"seed={seed} bit={bit}: {error?.ToString() ?? "accepted"}");
        }
    }

    public static TheoryData<string, string> Edits() => new()
    {
        { "drop optimizer.m.0.weight", "tensor 'optimizer.m.0.weight' is missing" },
        { "drop state.c.1", "tensor 'state.c.1' is missing" },
        { "add optimizer.w.0.weight", "belongs to no layer" },
        { "flatten optimizer.v.1.bias_hh_l0", "the architecture needs F32 [20]" },
        { "nan optimizer.v.1.bias_hh_l0", "tensor 'optimizer.v.1.bias_hh_l0' is not finite at element 0" },
        { "nan state.h.1", "tensor 'state.h.1' is not finite" },
        { "\"steps\":3 \"steps\":-3", "counter of the checkpoint is negative" },
        { "\"batch\":3, \"batch\":4,", "architecture needs F32 [4, 5]" },
        { "\"batch\":3, \"batch\":0,", "'state.h.1' belongs to no layer" },
        { "\"m\",\"v\" \"m\",\"m\"", "moments are not valid" },
        { "\"m\",\"v\" \"m\",null", "moments are not valid" },
        { "\"m\",\"v\" \"m\"", "'optimizer.v.0.weight' belongs to no layer" },
        { "\"time\" \"tome\"", "fastrnn.checkpoint is not valid" },
        { "\"epochs\":[] \"epochs\":[{\"epoch\":1,\"train_loss\":1,\"validation_loss\":1,\"tokens_per_second\":1,\"seconds\":1}]", "epochs of the checkpoint are not where they belong" },
        { "\"epoch_count\":1 \"epoch_count\":2", "the architecture needs F64 [2, 6]" },
        { "\"epoch_count\":1 \"epoch_count\":-1", "epochs of the checkpoint are not where they belong" },
        { "\"run\":{ \"run\":null,\"rin\":{", "fastrnn.checkpoint is not valid" },
    };

    [Theory]
    [MemberData(nameof(Edits))]
    public void Changed_checkpoint_is_refused_for_the_stated_reason(string edit, string reason)
    {
        using var model = Model();
        var trainer = Trainer(model);
        Train(trainer, 0, 3);
        var file = CheckpointFile.Describe(trainer, new ModelInfo(), Position(3));
        Edit(file, edit.Split(' '));
        SafetensorsWriter.Write(Target, file);
        var error = Assert.Throws<ModelFormatException>(() => CheckpointFile.Load(Target, _backend));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.Throws<ModelFormatException>(() => ModelFile.Load(Target, _backend));
    }

    [Theory]
    [InlineData("weight")]
    [InlineData("moment")]
    [InlineData("state")]
    public void Non_finite_numbers_never_push_out_the_last_good_checkpoint(string where)
    {
        using var model = Model();
        var trainer = Trainer(model);
        Train(trainer, 0, 3);
        CheckpointFile.Save(trainer, new ModelInfo(), Position(3), Target);
        byte[] before = File.ReadAllBytes(Target);
        var (buffer, name) = where switch
        {
            "weight" => (model.Parameters[1].Value, "1.weight_ih_l0"),
            "moment" => (trainer.Optimizer.Moments[1][1], "optimizer.v.1.weight_ih_l0"),
            _ => (trainer.State![1]!.Cell!, "state.c.1"),
        };
        float[] values = new float[buffer.Length];
        _backend.Read(buffer, values);
        values[^1] = float.PositiveInfinity;
        _backend.Write(buffer, values);
        var error = Assert.Throws<NonFiniteException>(() => CheckpointFile.Save(trainer, new ModelInfo(), Position(3), Target));
        Assert.Equal(name, error.TensorName);
        Assert.Equal(before, File.ReadAllBytes(Target));
    }

    [Fact]
    public void Restoring_into_the_wrong_trainer_is_refused()
    {
        using var model = Model();
        var trainer = Trainer(model);
        Train(trainer, 0, 3);
        CheckpointFile.Save(trainer, new ModelInfo(), Position(3), Target);
        var checkpoint = CheckpointFile.Load(Target, _backend);
        using var loaded = checkpoint.Model;
        Assert.Throws<ArgumentException>(() => checkpoint.Restore(trainer));
        var error = Assert.Throws<ModelFormatException>(() => checkpoint.Restore(Trainer(loaded, adam: false)));
        Assert.Contains("keeps ['m', 'v'], this run's, Sgd", error.Message, StringComparison.Ordinal);
    }

    private ChunkSequence Chunks => _data.Chunks(Batch, TimeSteps);

    private Sequential Model() => new(
        _backend, 11, new Embedding(_data.Vocabulary.Count, 4), new Lstm(4, 5), new Dropout(0.3f), new Lstm(5, 6), new Linear(6, _data.Vocabulary.Count));

    private static Trainer Trainer(Sequential model, bool adam = true, bool carry = true) =>
        new(model, Loss.CrossEntropy, adam ? new Adam(0.01f) : new Sgd(0.5f)) { ClipNorm = 1, CarryState = carry };

    private double[] Train(Trainer trainer, int from, int to)
    {
        var chunks = Chunks;
        Assert.InRange(chunks.Count, 5, 12); // The resume points must fall into different passes.
        return [.. Enumerable.Range(from, to - from).Select(step => trainer.Step(chunks[step % chunks.Count]).Loss)];
    }

    private RunState Position(int steps) => new()
    {
        Epoch = steps / Chunks.Count,
        Chunk = steps % Chunks.Count,
        LossSum = 0.1 * steps,
        LossCount = steps,
        Options = new Dictionary<string, string> { ["seed"] = "11", ["batch"] = "3" },
        Epochs = [new EpochSummary(1, 2.5, 2.25, 1000, 1.5)],
    };

    /// <summary>Everything that a checkpoint would store, as bytes.</summary>
    private byte[] Content(Trainer trainer, int steps) => SafetensorsSamples.Bytes(CheckpointFile.Describe(trainer, new ModelInfo(), Position(steps)));

    private static void Edit(SafetensorsFile file, string[] words)
    {
        int index = file.Tensors.FindIndex(tensor => tensor.Name == words[1]);
        switch (words[0])
        {
            case "drop": file.Tensors.RemoveAt(index); break;
            case "add": file.Tensors.Add(new(words[1], TensorType.F32, 1)); break;
            case "flatten": file.Tensors[index] = new(words[1], TensorType.F32, [1, .. file.Tensors[index].Shape], file.Tensors[index].Bytes); break;
            case "nan": file.Tensors[index].Floats[0] = float.NaN; break;
            default:
                string record = file.Metadata["fastrnn.checkpoint"];
                string changed = new StringBuilder(record).Replace(words[0], words[1]).ToString();
                Assert.NotEqual(record, changed);
                file.Metadata["fastrnn.checkpoint"] = changed;
                break;
        }
    }
}
