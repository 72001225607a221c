using System.Diagnostics;
using System.Text;
using Xunit;

namespace FastRnn.Tests.Support;

/// <summary>A test that looks at pages in a browser; without one it is skipped, and says so.</summary>
internal sealed class ChromiumFactAttribute : FactAttribute
{
    public ChromiumFactAttribute()
    {
        if (Chromium.Executable == null)
            Skip = "there is no chromium on the path";
    }
}

/// <summary>The browser without a window.</summary>
internal static class Chromium
{
    /// <summary>Far beyond what any test needs: it turns a hang into a failure and measures nothing.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(90);

    public static string? Executable { get; } = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .SelectMany(folder => new[] { "chromium", "chromium-browser", "google-chrome" }.Select(name => Path.Combine(folder, name)))
        .FirstOrDefault(File.Exists);

    /// <summary>Opens a page at its top.</summary>
    public static Png Screenshot(string page, int width, int height, bool dark = false)
    {
        string picture = Path.ChangeExtension(page, dark ? ".dark.png" : ".png");
        Run(page, [$"--screenshot={picture}", $"--window-size={width},{height}", $"--blink-settings=preferredColorScheme={(dark ? 0 : 1)}"]);
        return new Png(File.ReadAllBytes(picture));
    }

    /// <summary>The page as it is after its scripts ran, and what was said on the console.</summary>
    public static (string Page, string[] Console) Dump(string page)
    {
        (string output, string error) = Run(page, ["--dump-dom", "--enable-logging=stderr", "--virtual-time-budget=10000"]);
        return (output, [.. error.Split('\n').Where(line => line.Contains("CONSOLE", StringComparison.Ordinal))]);
    }

    private static (string Output, string Error) Run(string page, string[] options)
    {
        string profile = Path.Combine(Path.GetDirectoryName(page)!, "profile");
        var start = new ProcessStartInfo(Executable!) { RedirectStandardOutput = true, RedirectStandardError = true, StandardOutputEncoding = Encoding.UTF8 };
        string[] common = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage", "--hide-scrollbars", $"--user-data-dir={profile}"];
        foreach (string argument in (string[])[.. common, .. options, new Uri(page).AbsoluteUri])
            start.ArgumentList.Add(argument);
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(_patience))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"chromium did not end within {_patience}");
        }
        Assert.True(process.ExitCode == 0, $"chromium ended with {process.ExitCode}:\n{error.Result}");
        return (output.Result, error.Result);
    }
}
