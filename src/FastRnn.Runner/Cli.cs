using System.CommandLine;
using System.CommandLine.Help;
using FastRnn.Data;
using FastRnn.Formats;
using FastRnn.Graphs;
using FastRnn.Numerics;
using FastRnn.OpenCL;
using FastRnn.Training;

namespace FastRnn.Runner;

/// <summary>The command line: parses a verb, runs it, turns every failure into one line and a documented exit code.</summary>
internal static class Cli
{
    private const string ExitCodeHelp =
        "Exit codes: 0 ok, 1 usage, 2 bad input or model file, 3 diverged, 4 out of memory, 5 device, 130 interrupted.";

    /// <summary>EPIPE on Linux and macOS. On Windows the console's stream says nothing of it.</summary>
    private const int BrokenPipe = 32;

    public static ParserConfiguration Parsing { get; } = new() { ResponseFileTokenReplacer = null }; // a text may begin with @

    public static int Run(string[] args, Output output, CancellationToken cancellation)
    {
        Command root = CreateRoot(output, cancellation);
        var configuration = new InvocationConfiguration
        {
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null, // Program handles the signals
            Output = output.Result,
            Error = output.Log,
        };
        try
        {
            ParseResult parsed = root.Parse(args, Parsing);
            IReadOnlyList<string> whole = Configuration.Expand(args, parsed);
            if (!ReferenceEquals(whole, args))
                parsed = root.Parse(whole, Parsing);
            return parsed.Errors.Count > 0 ? Fail(output, ExitCodes.Usage, Describe(parsed)) : parsed.Invoke(configuration);
        }
        catch (IOException e) when (!OperatingSystem.IsWindows() && e.HResult == BrokenPipe)
        {
            return ExitCodes.Ok; // whoever read the output has seen enough, as head does
        }
        catch (Exception e) when (ExitCodeOf(e) is int code)
        {
            return Fail(output, code, e is OutOfMemoryException ? "not enough memory: " + e.Message : e.Message);
        }
    }

    public static Command CreateRoot(Output output, CancellationToken cancellation)
    {
        // Not a RootCommand, which calls itself after the assembly.
        return new Command("fastrnn", "FastRnn: recurrent neural networks at the speed of the machine. " + ExitCodeHelp)
        {
            TrainCommand.Create(output, cancellation),
            TuneCommand.Create(output, cancellation),
            UseCommands.Eval(output, cancellation),
            UseCommands.Predict(output, cancellation),
            SampleCommand.Create(output, cancellation),
            InfoCommand.Create(output, cancellation),
            ConvertCommand.Create(output, cancellation),
            RunCommand.Create(output, cancellation),
            VerifyCommand.Create(output, cancellation),
            GenerateCommand.Create(output, cancellation),
            BenchCommand.Create(output, cancellation),
            DoctorCommand.Create(output),
            CompletionCommand.Create(output),
            new HelpOption(),
            new VersionOption(),
        };
    }

    /// <summary>The exit code of an expected failure; null for a defect of ours, which should end with its stack.</summary>
    private static int? ExitCodeOf(Exception e) => e switch
    {
        CliException cli => cli.ExitCode,
        OpenClException device => ExitCodes.Of(device),
        NonFiniteException => ExitCodes.Diverged,
        PlatformNotSupportedException => ExitCodes.Device,
        ModelFormatException or UnknownSymbolException or InvalidDataException or NotSupportedException or DataFormatException or GraphException => ExitCodes.BadInput,
        IOException or UnauthorizedAccessException => ExitCodes.BadInput,
        OutOfMemoryException => ExitCodes.OutOfMemory,
        OperationCanceledException => ExitCodes.Interrupted,
        _ => null,
    };

    private static int Fail(Output output, int code, string message)
    {
        output.Log.WriteLine("fastrnn: error: " + WithoutParameter(message).ReplaceLineEndings(" "));
        return code;
    }

    /// <summary>What an <see cref="ArgumentException"/> appends: names of the library's parameters mean nothing on a command line.</summary>
    private static string WithoutParameter(string message)
    {
        const string before = " (Parameter '", after = "')";
        for (int start = 0; (start = message.IndexOf(before, start, StringComparison.Ordinal)) >= 0;)
        {
            int name = start + before.Length, end = name;
            while (end < message.Length && (char.IsLetterOrDigit(message[end]) || message[end] == '_'))
                end++;
            if (end > name && message.AsSpan(end).StartsWith(after))
                message = message.Remove(start, end + after.Length - start);
            else
                start = name;
        }
        return message;
    }

    /// <summary>The first error, with the nearest option or verb when a word is unknown.</summary>
    private static string Describe(ParseResult parsed)
    {
        Command command = parsed.CommandResult.Command;
        IEnumerable<string> known = command.Options.Select(o => o.Name).Concat(command.Subcommands.Select(c => c.Name));
        foreach (string word in parsed.UnmatchedTokens)
        {
            string? near = EditDistance.Nearest(word, known);
            return $"unknown {(word.StartsWith('-') ? "option" : "argument")} '{word}'"
                + (near == null ? $"; see fastrnn {(command.Parents.Any() ? command.Name + " " : "")}--help" : $"; did you mean {near}?");
        }
        bool nothing = parsed.Tokens.Count == 0;
        return nothing ? $"expected a verb: {string.Join(", ", command.Subcommands.Select(verb => verb.Name))}; see fastrnn --help" : parsed.Errors[0].Message;
    }
}
