using System.Text.Json;
using FastRnn.OpenCL;
using FastRnn.Runner;
using FastRnn.Tests.OpenCL;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Runner;

/// <summary>What <c>--device</c> promises: which device computes, that its results are the CPU's, and a clean end where there is none.</summary>
public sealed class DeviceTests : IDisposable
{
    private static readonly Dictionary<string, string> _noDriver = new() { ["OCL_ICD_VENDORS"] = "/nowhere" };
    private static readonly Dictionary<string, string> _noLibrary = new() { ["FASTRNN_OPENCL_LIBRARY"] = "/nowhere/libOpenCL.so" };

    private readonly RunnerFolder _folder = RunnerFolder.Trained();

    public void Dispose() => _folder.Dispose();

    /// <summary>At least 50 windows of training, then the likeliest 200 characters.</summary>
    [OpenClFact]
    public void CharacterModelsTrainAsOnTheCpu()
    {
        string[] options = ["--batch", "2", "--layers", "2", "--dropout", "0.2", "--epochs", "1", "--json"];
        JsonElement cpu = Json.Object(_folder.Train([.. options, "--out", "cpu.safetensors"]).Succeeded().Output);
        RunnerResult run = _folder.Train([.. options, "--device", "opencl", "--out", "device.safetensors"]).Succeeded();
        Assert.Contains($": {DeviceName.Banner}", run.Error, StringComparison.Ordinal);
        JsonElement device = Json.Object(run.Output);
        Assert.Equal("cpu", cpu.GetProperty("device").GetString());
        Assert.Equal("opencl:0", device.GetProperty("device").GetString());
        foreach (string loss in (string[])["train_loss", "validation_loss"])
            Assert.Equal(cpu.GetProperty("epochs")[0].GetProperty(loss).GetDouble(), device.GetProperty("epochs")[0].GetProperty(loss).GetDouble(), 1e-3);
        Assert.True(TrainingState.Read(_folder.At("device.safetensors.checkpoint")).Steps >= 50);
        if (!DeviceName.IsExact)
            return;
        Assert.Equal(_folder.Read("cpu.safetensors"), _folder.Read("device.safetensors"));
        TrainingState.AssertSame(TrainingState.Read(_folder.At("cpu.safetensors.checkpoint")), TrainingState.Read(_folder.At("device.safetensors.checkpoint")));
        Assert.Equal(Greedy("cpu.safetensors", "cpu"), Greedy("device.safetensors", "opencl"));
    }

    [OpenClFact]
    public void ARunGoesOnOnAnotherDevice()
    {
        _folder.Train("--epochs", "4", "--dropout", "0.2", "--layers", "2", "--out", "whole.safetensors").Succeeded();
        _folder.Train("--epochs", "2", "--dropout", "0.2", "--layers", "2", "--device", "opencl:0").Succeeded();
        _folder.Train("--epochs", "4", "--dropout", "0.2", "--layers", "2", "--resume").Succeeded();
        TrainingState whole = TrainingState.Read(_folder.At("whole.safetensors.checkpoint")), parts = TrainingState.Read(_folder.At(RunnerFolder.Checkpoint));
        Assert.Equal(whole.Steps, parts.Steps);
        if (DeviceName.IsExact)
            Assert.Equal(whole.Tensors, parts.Tensors);
    }

    [OpenClTheory]
    [InlineData("eval --data data.txt --json")]
    [InlineData("sample --greedy --length 60 --json")]
    [InlineData("predict --data data.txt")]
    public void VerbsThatUseAModelAnswerAsOnTheCpu(string words)
    {
        string[] verb = words.Split(' ');
        if (verb[0] == "predict")
            File.WriteAllText(_folder.At(RunnerFolder.Data), "All:\nWe know't");
        RunnerResult cpu = _folder.RunInside([.. verb, "--model", RunnerFolder.Model]).Succeeded();
        RunnerResult device = _folder.RunInside([.. verb, "--model", RunnerFolder.Model, "--device", "opencl"]).Succeeded();
        Assert.StartsWith($"fastrnn {CommonOptions.Version}: opencl:0 ", device.Error, StringComparison.Ordinal);
        if (DeviceName.IsExact)
            Assert.Equal(cpu.Output, device.Output.Replace(",\"device\":\"opencl:0\"", "", StringComparison.Ordinal));
        if (verb.Contains("--json"))
            Assert.Equal("opencl:0", Json.Object(device.Output).GetProperty("device").GetString());
    }

    [OpenClFact]
    public void ASearchTrainsOnTheDevice()
    {
        RunnerResult result = _folder.Run(
            "tune", "--space", "learning-rate=0.01,0.02", "--method", "grid", "--out", "trials", "--json", "--", "--data", RunnerFolder.Data, "--hidden", "8",
            "--layers", "1", "--epochs", "1", "--time-steps", "16", "--batch", "4", "--embedding", "4", "--device", "opencl").Succeeded();
        Assert.Equal(2, result.Error.Split("validation loss").Length - 1);
    }

    [OpenClFact]
    public void ADeviceThatIsNotThereIsNamed() =>
        _folder.Unchanged(() => _folder.Run(RunnerFolder.TrainArguments("--device", "opencl:77")).Failed(ExitCodes.Device, "there is no OpenCL device 77: there are 0 "));

    [Theory]
    [InlineData("train")]
    [InlineData("eval")]
    [InlineData("sample")]
    [InlineData("predict")]
    public void WithoutALibraryOnlyOpenClIsMissing(string verb)
    {
        string[] words = Words(verb);
        _folder.Unchanged(() => _folder.Run([.. words, "--device", "opencl"], _noLibrary)
            .Failed(ExitCodes.Device, "no OpenCL library: /nowhere/libOpenCL.so not found", "FASTRNN_OPENCL_LIBRARY", "fastrnn doctor"));
        RunnerResult auto = _folder.Run([.. words, "--device", "auto"], _noLibrary);
        Assert.True(auto.ExitCode == 0, auto.ToString());
        Assert.Contains(": cpu ", auto.Error, StringComparison.Ordinal);
        Assert.Contains("(auto: ", auto.Error, StringComparison.Ordinal);
    }

    [OpenClFact]
    public void WithoutADriverOnlyOpenClIsMissing()
    {
        string[] train = RunnerFolder.TrainArguments("--out", "other.safetensors");
        _folder.Run([.. train, "--device", "opencl"], _noDriver).Failed(ExitCodes.Device, "there is an OpenCL library but no device");
        Assert.Contains("(auto: OpenCL has no device)", _folder.Run([.. train, "--device", "auto"], _noDriver).Succeeded().Error, StringComparison.Ordinal);
        JsonElement opencl = Json.Object(_folder.Run(["doctor", "--json"], _noDriver).Succeeded().Output).GetProperty("opencl");
        Assert.Empty(opencl.GetProperty("devices").EnumerateArray());
        Assert.Contains("/nowhere, which OCL_ICD_VENDORS names, does not exist", opencl.GetProperty("problem").GetString(), StringComparison.Ordinal);
    }

    [OpenClFact]
    public void DoctorSaysWhatIsWrongWithADriver()
    {
        string folder = Directory.CreateDirectory(_folder.At("vendors")).FullName;
        var environment = new Dictionary<string, string> { ["OCL_ICD_VENDORS"] = folder };
        Assert.Contains($"opencl       none: an OpenCL library, but no device: {folder}, which OCL_ICD_VENDORS names, has no *.icd file", Doctor(), StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(folder, "a.icd"), "/nowhere/driver.so\n");
        File.WriteAllText(Path.Combine(folder, "b.icd"), "libm.so.6\n");
        File.WriteAllText(Path.Combine(folder, "c.icd"), "");
        string text = Doctor();
        foreach (string part in (string[])["a.icd: cannot load /nowhere/driver.so: ", "b.icd: libm.so.6 is no OpenCL driver", "c.icd: names no library", "ok           kernels "])
            Assert.Contains(part, text, StringComparison.Ordinal);

        string Doctor() => _folder.Run(["doctor"], environment).Succeeded().Output;
    }

    [OpenClFact]
    public void DoctorListsDevicesAndTriesThem()
    {
        JsonElement doctor = Json.Object(_folder.Run("doctor", "--json").Succeeded().Output);
        JsonElement opencl = doctor.GetProperty("opencl"), device = opencl.GetProperty("devices")[0];
        Assert.Equal("problem:Null, drivers:Array, devices:Array, failures:Array", Json.Shape(opencl));
        Assert.Equal(
            "device:String, name:String, vendor:String, kind:String, platform:String, platform_version:String, version:String, driver:String, available:Boolean, "
            + "compute_units:Number, memory_gib:Number, double:Boolean, sub_groups:Boolean, exact:Boolean", Json.Shape(device));
        OpenClDevice known = OpenClDevice.All()[0];
        Assert.Equal($"opencl:0 {known.Name} {known.DriverVersion}", $"{device.GetProperty("device")} {device.GetProperty("name")} {device.GetProperty("driver")}");
        JsonElement check = doctor.GetProperty("checks").EnumerateArray().Single(check => check.GetProperty("name").GetString() == "opencl:0");
        Assert.True(check.GetProperty("ok").GetBoolean());
    }

    [Fact]
    public void DoctorSaysThatThereIsNoLibrary()
    {
        JsonElement doctor = Json.Object(_folder.Run(["doctor", "--json"], _noLibrary).Succeeded().Output);
        Assert.True(doctor.GetProperty("ok").GetBoolean());
        Assert.Contains("no OpenCL library", doctor.GetProperty("opencl").GetProperty("problem").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gpu")]
    [InlineData("opencl:")]
    [InlineData("opencl:-1")]
    [InlineData("opencl:1x")]
    [InlineData("OpenCL")]
    public void OtherDevicesAreNoDevices(string device) =>
        _folder.RunInside(RunnerFolder.TrainArguments("--device", device)).Failed(ExitCodes.Usage, $"--device is '{device}', expected cpu, opencl, opencl:INDEX or auto");

    [Fact]
    public void WhatOnlyTheCpuDoesIsRefusedOrDoneThere()
    {
        _folder.RunInside(RunnerFolder.TrainArguments("--device", "opencl", "--memory-limit", "1GiB"))
            .Failed(ExitCodes.Usage, "--device opencl: --memory-limit counts the memory of the CPU alone");
        _folder.RunInside([.. Words("sample"), "--device", "opencl", "--weights", "bf16"]).Failed(ExitCodes.Usage, "--device opencl: --weights bf16 is the CPU's alone");
        Assert.Contains(
            "(auto: --weights int8 is the CPU's alone)", _folder.RunInside([.. Words("eval"), "--device", "auto", "--weights", "int8"]).Succeeded().Error,
            StringComparison.Ordinal);
        Assert.Contains(
            "(auto: one step after the other is the CPU's work)", _folder.RunInside([.. Words("sample"), "--device", "auto"]).Succeeded().Error, StringComparison.Ordinal);
    }

    private static string[] Words(string verb) => verb switch
    {
        "train" => RunnerFolder.TrainArguments(),
        "sample" => ["sample", "--model", RunnerFolder.Model, "--length", "5"],
        _ => [verb, "--model", RunnerFolder.Model, "--data", RunnerFolder.Data],
    };

    private string Greedy(string model, string device) =>
        _folder.Run("sample", "--model", model, "--greedy", "--length", "200", "--device", device).Succeeded().Output;

    private static class DeviceName
    {
        public static bool IsExact => OpenClDevice.All()[0].IsExact;

        public static string Banner => $"opencl:0 {OpenClDevice.All()[0].Name}, seed 1, {OpenClDevice.All()[0].PlatformName} ";
    }
}
