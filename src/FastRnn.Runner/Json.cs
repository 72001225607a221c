using FastRnn.Formats;

namespace FastRnn.Runner;

internal sealed record EpochResult(int Epoch, double TrainLoss, double? ValidationLoss, double TokensPerSecond, double Seconds) : IJsonResult
{
    public void Write(JsonFields fields) => fields.Add(Epoch).Add(TrainLoss).Add(ValidationLoss).Add(TokensPerSecond).Add(Seconds);
}

internal sealed record TrainResult(
    string Task, string Cell, ulong Seed, string Isa, int Threads, string Device, long Parameters, IReadOnlyList<EpochResult> Epochs,
    int? BestEpoch, double? BestValidationLoss, string Model, bool Interrupted,
    IReadOnlyDictionary<string, double>? Test) : IJsonResult
{
    public void Write(JsonFields fields) => fields
        .Add(Task).Add(Cell).Add(Seed).Add(Isa).Add(Threads).Add(Device).Add(Parameters).Add(Epochs).Add(BestEpoch)
        .Add(BestValidationLoss).Add(Model).Add(Interrupted).AddKnown(Test);
}

internal sealed record EvalResult(
    double Loss, double Perplexity, double BitsPerCharacter, long Tokens, WeightResult? Weights = null, string? Device = null) : IJsonResult
{
    public void Write(JsonFields fields) => fields.Add(Loss).Add(Perplexity).Add(BitsPerCharacter).Add(Tokens).AddKnown(Weights).AddKnown(Device);
}

internal sealed record LineResult(string Text, double Loss, int Characters) : IJsonResult
{
    public void Write(JsonFields fields) => fields.Add(Text).Add(Loss).Add(Characters);
}

internal sealed record ForecastResult(
    double Mse, double Mae, double Rmse, double? Mape, double BaselinePersistenceMse, double BaselinePersistenceMae, double BaselinePersistenceRmse,
    double? BaselineSeasonalRmse, int Rows, int Horizon, ScaledResult? Scaled, double? PinballLoss, double? Coverage, IReadOnlyList<TargetResult> Targets,
    WeightResult? Weights = null, string? Device = null) : IJsonResult
{
    public void Write(JsonFields fields) => fields
        .Add(Mse).Add(Mae).Add(Rmse).Add(Mape).Add(BaselinePersistenceMse).Add(BaselinePersistenceMae).Add(BaselinePersistenceRmse)
        .Add(BaselineSeasonalRmse).Add(Rows).Add(Horizon).Add(Scaled).Add(PinballLoss).Add(Coverage).Add(Targets).AddKnown(Weights).AddKnown(Device);
}

internal sealed record ScaledResult(double Mse, double Mae, double BaselinePersistenceMse, double BaselinePersistenceMae) : IJsonResult
{
    public void Write(JsonFields fields) => fields.Add(Mse).Add(Mae).Add(BaselinePersistenceMse).Add(BaselinePersistenceMae);
}

internal sealed record TargetResult(string Name, double Mse, double Mae, double Rmse, double BaselinePersistenceRmse) : IJsonResult
{
    public void Write(JsonFields fields) => fields.Add(Name).Add(Mse).Add(Mae).Add(Rmse).Add(BaselinePersistenceRmse);
}

internal sealed record ForecastRow(
    int Step, string? Date, IReadOnlyDictionary<string, double> Forecast,
    IReadOnlyDictionary<string, IReadOnlyDictionary<string, double>>? Quantiles) : IJsonResult
{
    public void Write(JsonFields fields) => fields.Add(Step).AddKnown(Date).Add(Forecast).AddKnown(Quantiles);
}

internal sealed record SampleResult(string Text, ulong Seed, string? Device = null) : IJsonResult
{
    public void Write(JsonFields fields) => fields.Add(Text).Add(Seed).AddKnown(Device);
}

internal sealed record DoctorResult(
    string Version, string Runtime, string Compiled, string Os, string Cpu, int Cores, double MemoryGib, string IsaWidest, string IsaInUse, bool Ok,
    IReadOnlyList<DoctorCheck> Checks, OpenClResult Opencl) : IJsonResult
{
    public void Write(JsonFields fields) => fields
        .Add(Version).Add(Runtime).Add(Compiled).Add(Os).Add(Cpu).Add(Cores).Add(MemoryGib).Add(IsaWidest).Add(IsaInUse).Add(Ok)
        .Add(Checks).Add(Opencl);
}

internal sealed record DoctorCheck(string Name, bool Ok, string Detail) : IJsonResult
{
    public void Write(JsonFields fields) => fields.Add(Name).Add(Ok).Add(Detail);
}

/// <param name="Problem">Why there is no device, or null.</param>
/// <param name="Drivers">Those that the loader is told of, where that is told in files.</param>
/// <param name="Devices">What can compute.</param>
/// <param name="Failures">What went wrong with other devices.</param>
internal sealed record OpenClResult(
    string? Problem, IReadOnlyList<OpenClDriverResult> Drivers, IReadOnlyList<OpenClDeviceResult> Devices, IReadOnlyList<string> Failures) : IJsonResult
{
    /// <summary>Whether a thread stays in the loading of a driver, and the program cannot end in the usual way.</summary>
    public bool IsStuck { get; init; }

    public void Write(JsonFields fields) => fields.Add(Problem).Add(Drivers).Add(Devices).Add(Failures);
}

internal sealed record OpenClDriverResult(string File, string Library, string? Problem) : IJsonResult
{
    public void Write(JsonFields fields) => fields.Add(File).Add(Library).Add(Problem);
}

internal sealed record OpenClDeviceResult(
    string Device, string Name, string Vendor, string Kind, string Platform, string PlatformVersion, string Version, string Driver, bool Available,
    int ComputeUnits, double MemoryGib, bool Double, bool SubGroups, bool Exact) : IJsonResult
{
    public void Write(JsonFields fields) => fields
        .Add(Device).Add(Name).Add(Vendor).Add(Kind).Add(Platform).Add(PlatformVersion).Add(Version).Add(Driver).Add(Available)
        .Add(ComputeUnits).Add(MemoryGib).Add(Double).Add(SubGroups).Add(Exact);
}
