using System.CommandLine;
using System.Globalization;

namespace FastRnn.Runner;

/// <summary>Kinds of what <c>--device</c> can ask for.</summary>
internal enum DeviceKind
{
    Cpu,
    OpenCl,
    Auto,
}

/// <summary>What <c>--device</c> asks for.</summary>
/// <param name="Kind">The CPU, a device of OpenCL, or a GPU if there is one.</param>
/// <param name="Index">Of the device of OpenCL, as <c>doctor</c> lists them.</param>
internal readonly record struct DeviceChoice(DeviceKind Kind, int Index = 0)
{
    public const string Cpu = "cpu", OpenCl = "opencl", Auto = "auto";

    /// <summary>The option. Which devices there are is not looked up for its help or completion: a driver would be started for that.</summary>
    public static Option<string> Option()
    {
        var option = new Option<string>("--device")
        {
            Description = $"Where to compute: {Cpu}, {OpenCl} or {OpenCl}:INDEX as doctor lists the devices, {Auto} for a GPU if there is one and else the CPU",
            DefaultValueFactory = _ => Cpu,
            HelpName = "DEVICE",
        };
        option.CompletionSources.Add(Cpu, OpenCl, Auto);
        option.Validators.Add(result =>
        {
            if (!TryParse(result.GetValueOrDefault<string>(), out _))
                result.AddError($"--device is '{result.GetValueOrDefault<string>()}', expected {Cpu}, {OpenCl}, {OpenCl}:INDEX or {Auto}");
        });
        return option;
    }

    public static DeviceChoice Parse(string text) =>
        TryParse(text, out DeviceChoice choice) ? choice : throw new ArgumentException($"'{text}' is no device", nameof(text));

    private static bool TryParse(string? text, out DeviceChoice choice)
    {
        choice = new(text switch { Cpu => DeviceKind.Cpu, Auto => DeviceKind.Auto, _ => DeviceKind.OpenCl });
        if (text is Cpu or OpenCl or Auto)
            return true;
        if (text == null || !text.StartsWith(OpenCl + ":", StringComparison.Ordinal))
            return false;
        bool isIndex = int.TryParse(text.AsSpan(OpenCl.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int index);
        choice = new(DeviceKind.OpenCl, index);
        return isIndex;
    }
}
