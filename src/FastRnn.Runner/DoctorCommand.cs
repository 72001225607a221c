using System.CommandLine;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FastRnn.Backends;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Suites;

namespace FastRnn.Runner;

/// <summary>fastrnn doctor: the machine, what of it is used, and a self-test in seconds.</summary>
internal static class DoctorCommand
{
    public static Command Create(Output output)
    {
        Option<bool> json = CommonOptions.Json();
        var command = new Command("doctor", "CPU, instruction set in use, memory, devices of OpenCL, self-test") { json };
        command.SetAction(parsed =>
        {
            output.Json = parsed.GetValue(json);
            DoctorResult result = Examine();
            Show(output, result);
            int code = result.Ok ? ExitCodes.Ok : ExitCodes.Device;
            if (result.Opencl.IsStuck)
            {
                output.Result.Flush();
                DeviceWatch.EndNow(code);
            }
            return code;
        });
        return command;
    }

    private static DoctorResult Examine()
    {
        List<DoctorCheck> checks = [.. Isa.Levels.Select(Check)];
        OpenClResult devices = OpenClExamination.Examine(checks);
        double memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (double)(1L << 30);
        return new DoctorResult(
            CommonOptions.Version, RuntimeInformation.FrameworkDescription, Compiled, RuntimeInformation.OSDescription, Machine.CpuName, Environment.ProcessorCount,
            Math.Round(memory, 1), Isa.Name(Isa.Widest), Isa.Name(Isa.Current), checks.TrueForAll(c => c.Ok), checks, devices);
    }

    /// <summary>Code compiled ahead of time offers the instructions of its level of x86-64, whatever else the CPU has.</summary>
    private static string Compiled => RuntimeFeature.IsDynamicCodeSupported
        ? "just in time"
        : "ahead of time for " + Isa.Widest switch { IsaLevel.Avx512 => "x86-64-v4", IsaLevel.Avx2 => "x86-64-v3", _ => "x86-64" };

    private static DoctorCheck Check(IsaLevel level)
    {
        using var fast = new CpuBackend(1, level);
        return Compare($"kernels {Isa.Name(level)}", fast);
    }

    /// <summary>A small network on a back end against the reference in double.</summary>
    internal static DoctorCheck Compare(string name, Backend fast)
    {
        using var truth = new ReferenceBackend();
        float[] actual = Outputs(fast), expected = Outputs(truth);
        double worst = 0;
        for (int i = 0; i < actual.Length; i++)
            worst = Math.Max(worst, Math.Abs(actual[i] - expected[i]) / Math.Max(1, Math.Abs(expected[i])));
        return new DoctorCheck(name, worst <= 1e-6, FormattableString.Invariant($"largest difference to the reference {worst:E1}, allowed 1.0E-006"));
    }

    private static float[] Outputs(Backend backend)
    {
        var model = new Sequential(backend, 1, new Embedding(13, 7), new Lstm(7, 33), new Lstm(33, 20), new Linear(20, 13));
        Session session = model.OpenSession();
        var all = new List<float>();
        var y = new float[13];
        for (int t = 0; t < 20; t++)
        {
            session.Step(t % 13, y);
            all.AddRange(y);
        }
        return [.. all];
    }

    private static void Show(Output output, DoctorResult result)
    {
        if (output.Json)
        {
            output.WriteJson(result);
            return;
        }
        TextWriter text = output.Result;
        text.WriteLine($"fastrnn      {result.Version} on {result.Runtime}, {result.Os}; compiled {result.Compiled}");
        text.WriteLine(FormattableString.Invariant($"cpu          {result.Cpu}, {result.Cores} cores, {result.MemoryGib:F1} GiB"));
        text.WriteLine($"isa          {result.IsaInUse} in use, {result.IsaWidest} offered; {Isa.EnvironmentVariable}=scalar|avx2|avx512 forces one");
        OpenClExamination.Write(text, result.Opencl);
        foreach (DoctorCheck check in result.Checks)
            text.WriteLine($"{(check.Ok ? "ok  " : "FAIL")}         {check.Name}: {check.Detail}");
    }
}
