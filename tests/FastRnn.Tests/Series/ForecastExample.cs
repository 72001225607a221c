using FastRnn.Data;
using FastRnn.Formats;
using FastRnn.Layers;
using FastRnn.Series;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Series;

/// <summary>A forecast from a file in C#, from reading to the rows after its end, on one page.</summary>
public sealed class ForecastExample() : FileTest("co2.safetensors")
{
    [Fact]
    public void Co2_of_the_next_months()
    {
        SeriesTable table = CsvSeries.Read(ForecastFolder.Co2, new() { Columns = ["CO2"] });
        var split = SeriesSplit.ByShares(table.Rows, 0.7, 0.1, 0.2);
        var spec = new ForecastSpec
        {
            Columns = [new() { Name = "CO2", Relative = true }],
            Window = 24,
            Horizon = 6,
            Calendar = Calendar.Suitable(table.Times!),
        }.Fit(table, split.Train);

        var model = new Sequential(new Lstm(spec.InputSize, 16), new Linear(16, spec.OutputSize));
        var trainer = new Trainer(model, new MeanSquaredError(), new Adam(5e-3f)) { CarryState = false };
        SeriesBatches batches = new SeriesWindows(table, spec, spec.Origins(split.Train)).Batches(32, seed: 1);
        for (; batches.Epoch < 20; batches.Epoch++)
        {
            foreach (SequenceChunk chunk in batches)
                trainer.Step(chunk);
        }
        ModelFile.Save(model, new ModelInfo { Task = "forecast", Series = spec }, Target);

        (Sequential read, ModelInfo info) = ModelFile.Load(Target, _backend);
        Forecast next = new Forecaster(read, info.Series!).Next(table);
        for (int step = 0; step < next.Steps; step++)
            Assert.InRange(next[step, 0], 405, 425); // on next.Times![step]
        Assert.Equal(new DateTime(2020, 10, 1, 0, 0, 0, DateTimeKind.Utc), next.Times![5]);
    }
}
