using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Series;
using FastRnn.Training;

float[] sine = Signals.Sine(length: 2001, period: 40);
using var model = new Sequential(new Lstm(1, 16), new Linear(16, 1));
var trainer = new Trainer(model, new MeanSquaredError(), new Adam(1e-2f)) { ClipNorm = 1 };
var window = new SequenceChunk(50, batch: 1, features: 1, outputs: 1);
for (int epoch = 1; epoch <= 10; epoch++)
{
    double loss = 0;
    for (int at = 0; at + 50 < sine.Length; at += 50)
    {
        sine.AsSpan(at, 50).CopyTo(window.InputValues);
        sine.AsSpan(at + 1, 50).CopyTo(window.TargetValues);
        window.StartsStreams = at == 0;                       // state is carried from window to window, the gradient is cut
        loss += trainer.Step(window).Loss / 40;
    }
    Console.WriteLine($"epoch {epoch}: {loss:F5}");
}

using Session session = model.OpenSession();                  // owns h and c; a step allocates nothing
float[] next = [0];
foreach (float value in sine)
    session.Step([value], next);
Console.WriteLine($"{Isa.Name(Isa.Current)}: {next[0]:R}");   // the same bits on every instruction set
