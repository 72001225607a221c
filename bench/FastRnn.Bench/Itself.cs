using System.Diagnostics;

namespace FastRnn.Bench;

/// <summary>This program once more, in a process of its own.</summary>
internal static class Itself
{
    /// <summary>The same program, whether it was started by its own file or by <c>dotnet</c>, with other arguments; what it prints is redirected.</summary>
    public static ProcessStartInfo With(params ReadOnlySpan<string> arguments)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet")
            start.ArgumentList.Add(typeof(Itself).Assembly.Location);
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        return start;
    }

    /// <summary>What it prints.</summary>
    /// <exception cref="InvalidOperationException">It did not end with 0.</exception>
    public static string Output(ProcessStartInfo start)
    {
        using Process process = Process.Start(start)!;
        string text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? text : throw new InvalidOperationException($"{string.Join(' ', start.ArgumentList)}: ended with {process.ExitCode}: {text}");
    }
}
