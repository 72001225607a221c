using FastRnn.Layers;
using FastRnn.OpenCL;
using FastRnn.Series;
using FastRnn.Training;

foreach (OpenClDevice device in OpenClDevice.All())
    Console.WriteLine($"{device.Index}: {device}, {device.MemoryBytes >> 20} MiB");

float[] sine = Signals.Sine(length: 2001, period: 40);
using var backend = new OpenClBackend(device: 0);
using var model = new Sequential(backend, seed: 1, new Lstm(1, 16), new Linear(16, 1));
var trainer = new Trainer(model, new MeanSquaredError(), new Adam(1e-2f)) { ClipNorm = 1 };
var window = new SequenceChunk(50, batch: 1, features: 1, outputs: 1);
double loss = 0;
for (int step = 0; step < 400; step++)
{
    int at = step % 40 * 50;
    sine.AsSpan(at, 50).CopyTo(window.InputValues);
    sine.AsSpan(at + 1, 50).CopyTo(window.TargetValues);
    window.StartsStreams = at == 0;
    loss = (step % 40 == 0 ? 0 : loss) + (trainer.Step(window).Loss / 40);
}
Console.WriteLine($"epoch 10: {loss:F5}");                    // on a device with exact arithmetic that of the CPU
