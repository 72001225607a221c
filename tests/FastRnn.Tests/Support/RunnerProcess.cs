using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using Xunit;

namespace FastRnn.Tests.Support;

/// <summary>The built console program as a child process, as its users start it.</summary>
internal sealed partial class RunnerProcess : IDisposable
{
    public const int Interrupt = 2, Terminate = 15;

    /// <summary>Far beyond what any test needs: it turns a hang into a failure and measures nothing.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(90);

    private readonly Process _process;
    private readonly Task _reading;
    private readonly StringBuilder _output = new(), _error = new();

    private RunnerProcess(ProcessStartInfo start)
    {
        _process = Process.Start(start) ?? throw new InvalidOperationException($"{start.FileName} did not start");
        _reading = Task.WhenAll(Task.Run(() => Read(_process.StandardOutput, _output)), Task.Run(() => Read(_process.StandardError, _error)));
    }

    /// <summary>Names the executable to test in place of the one built beside these tests, for example the one compiled ahead of time.</summary>
    private const string Variable = "FASTRNN_RUNNER";

    /// <summary>The executable of the configuration and framework that this assembly was built for, or the one that <see cref="Variable"/> names.</summary>
    public static string Executable { get; } = Find();

    /// <summary>Starts the program in a folder.</summary>
    /// <param name="folder">Its current directory.</param>
    /// <param name="arguments">Of the program.</param>
    /// <param name="environment">Variables it gets beside those of the tests.</param>
    /// <param name="shell">
    /// Commands of a POSIX shell that run first, in the process that becomes the program: limits, traps, files named after its id.
    /// </param>
    public static RunnerProcess Start(
        string folder, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null, string? shell = null)
    {
        var start = new ProcessStartInfo(shell is null ? Executable : "/bin/sh")
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        };
        string[] before = shell is null ? [] : ["-c", shell + "\nexec \"$0\" \"$@\"", Executable];
        foreach (string argument in (IEnumerable<string>)[.. before, .. arguments])
            start.ArgumentList.Add(argument);
        // The program must find the runtime that these tests run on, wherever it is installed.
        start.Environment["DOTNET_ROOT"] = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        return new RunnerProcess(start);
    }

    /// <summary>Waits until the program has ended.</summary>
    public RunnerResult Wait()
    {
        if (!_process.WaitForExit(_patience))
            Fail($"did not end within {_patience}");
        _process.WaitForExit();
        _reading.Wait();
        return new RunnerResult(_process.ExitCode, Text(_output), Error);
    }

    /// <summary>Writes to the program's standard input.</summary>
    public void Send(string text)
    {
        _process.StandardInput.Write(text);
        _process.StandardInput.Flush();
    }

    /// <summary>The program's standard input ends.</summary>
    public void EndInput() => _process.StandardInput.Close();

    /// <summary>Waits until standard error holds a text.</summary>
    public void WaitForError(string text) => WaitUntil(() => Error.Contains(text, StringComparison.Ordinal), $"'{text}' on standard error");

    /// <summary>Waits until standard output holds that many lines.</summary>
    public void WaitForLines(int lines) => WaitUntil(() => Text(_output).Count(c => c == '\n') >= lines, $"{lines} lines of results");

    /// <summary>Waits for a condition that the running program is to bring about.</summary>
    public void WaitUntil(Func<bool> condition, string what)
    {
        var time = Stopwatch.StartNew();
        while (!condition())
        {
            if (_process.HasExited || time.Elapsed > _patience)
                Fail($"ended or waited too long before: {what}");
            Thread.Sleep(1);
        }
    }

    /// <summary>Sends a signal; the program must still be running.</summary>
    public void Signal(int signal) => Assert.True(SendSignal(_process.Id, signal) == 0, $"no process {_process.Id} for signal {signal}:\n{Error}");

    /// <summary>Ends the program as a power failure would: no handler runs.</summary>
    public RunnerResult Kill()
    {
        _process.Kill();
        return Wait();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        _process.Dispose();
    }

    private string Error => Text(_error);

    private static string Text(StringBuilder text)
    {
        lock (text)
            return text.ToString();
    }

    private static async Task Read(StreamReader from, StringBuilder to)
    {
        var part = new char[4096];
        int count;
        while ((count = await from.ReadAsync(part)) > 0)
        {
            lock (to)
                to.Append(part, 0, count);
        }
    }

    private void Fail(string why)
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        Assert.Fail($"fastrnn {why}; standard error:\n{Error}");
    }

    private static string Find()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named)
            return File.Exists(named) ? Path.GetFullPath(named) : throw new FileNotFoundException($"{Variable} names no file", named);
        string configuration = typeof(RunnerProcess).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration;
        string framework = new DirectoryInfo(AppContext.BaseDirectory).Name;
        string path = Path.Combine(
            Repository.Root, "src", "FastRnn.Runner", "bin", configuration, framework, OperatingSystem.IsWindows() ? "fastrnn.exe" : "fastrnn");
        return File.Exists(path) ? path : throw new FileNotFoundException("the console program is not built", path);
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int process, int signal);
}

/// <summary>What a run of the program left: exit code, standard output and standard error.</summary>
internal sealed record RunnerResult(int ExitCode, string Output, string Error)
{
    /// <summary>Ended well: nothing that looks like a failure was said.</summary>
    public RunnerResult Succeeded()
    {
        Assert.True(ExitCode == 0, ToString());
        Assert.DoesNotContain("error", Error, StringComparison.OrdinalIgnoreCase);
        return this;
    }

    /// <summary>Ended as every expected failure must: its exit code, no result, one last line that holds these parts, and no stack.</summary>
    public RunnerResult Failed(int exitCode, params string[] parts)
    {
        Assert.True(ExitCode == exitCode, $"expected exit code {exitCode}; {this}");
        Assert.Empty(Output);
        string[] lines = Error.TrimEnd('\n').Split('\n');
        Assert.StartsWith("fastrnn: error: ", lines[^1], StringComparison.Ordinal);
        Assert.Single(lines, line => line.Contains("error", StringComparison.OrdinalIgnoreCase));
        Assert.DoesNotContain("   at ", Error, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", Error, StringComparison.Ordinal);
        Assert.DoesNotContain("(Parameter '", Error, StringComparison.Ordinal);
        foreach (string part in parts)
            Assert.Contains(part, lines[^1], StringComparison.Ordinal);
        return this;
    }

    public override string ToString() => $"exit code {ExitCode}\n--- standard output\n{Output}\n--- standard error\n{Error}";
}
