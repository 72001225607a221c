using System.Collections;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text;

namespace FastRnn.Suites;

/// <summary>A program behind two pipes, in a process group of its own, by the calls of the C library.</summary>
[SupportedOSPlatform("linux")]
internal sealed unsafe partial class LinuxChild : ChildProgram
{
    private const int CloseOnExec = 0x80000, Interrupted = 4, Readable = 1, NoWaiting = 1, KillSignal = 9;
    private const short OwnGroup = 2, DefaultSignals = 4;

    private readonly int _child, _output;
    private readonly List<byte> _read = [];
    private int _input;
    private int? _exitCode;

    private LinuxChild(int child, int input, int output) => (_child, _input, _output) = (child, input, output);

    public override int ExitCode => _exitCode ?? throw new InvalidOperationException("the program is running");

    public static new LinuxChild Start(string program, string[] arguments)
    {
        (int inputRead, int inputWrite) = Pipe();
        (int outputRead, int outputWrite) = Pipe();
        nint argv = Strings([program, .. arguments]), environment = Strings(Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(item => $"{item.Key}={item.Value}"));
        // Opaque types of the C library, here with room to spare: 80, 336 and 128 bytes.
        ulong* actions = stackalloc ulong[64], attributes = stackalloc ulong[128], signals = stackalloc ulong[32];
        try
        {
            _ = InitialiseActions(actions);
            _ = AddDuplicate(actions, inputRead, 0);
            _ = AddDuplicate(actions, outputWrite, 1);
            _ = InitialiseAttributes(attributes);
            _ = FillSignals(signals);
            _ = SetDefaultSignals(attributes, signals); // the runtime ignores some, and that is inherited
            _ = SetGroup(attributes, 0);
            _ = SetFlags(attributes, OwnGroup | DefaultSignals);
            int error = Spawn(out int child, program, actions, attributes, argv, environment);
            if (error == 0)
                return new LinuxChild(child, inputWrite, outputRead);
            _ = Close(inputWrite);
            _ = Close(outputRead);
            throw new IOException($"{program} cannot be started: {Marshal.GetPInvokeErrorMessage(error)}", error);
        }
        finally
        {
            _ = DestroyActions(actions);
            _ = DestroyAttributes(attributes);
            _ = Close(inputRead);
            _ = Close(outputWrite);
            Marshal.FreeHGlobal(argv);
            Marshal.FreeHGlobal(environment);
        }
    }

    public override void WriteLine(string line)
    {
        ReadOnlySpan<byte> rest = Encoding.UTF8.GetBytes(line + "\n");
        while (rest.Length > 0)
        {
            nint written;
            fixed (byte* bytes = rest)
                written = Write(_input, bytes, rest.Length);
            if (written >= 0)
                rest = rest[(int)written..];
            else if (Marshal.GetLastPInvokeError() != Interrupted)
                throw Failed("its input");
        }
    }

    public override string? ReadLine(TimeSpan limit)
    {
        long start = Stopwatch.GetTimestamp();
        int looked = 0;
        while (true)
        {
            int end = _read.IndexOf((byte)'\n', looked);
            if (end >= 0)
                return Take(end, end + 1);
            looked = _read.Count;
            if (!Fill(limit - Stopwatch.GetElapsedTime(start)))
                return _read.Count == 0 ? null : Take(_read.Count, _read.Count);
        }
    }

    /// <summary>Reads what is there, once something is; false at the end.</summary>
    private bool Fill(TimeSpan limit)
    {
        var waiting = new Waiting { Descriptor = _output, Events = Readable };
        int ready = Poll(&waiting, 1, (int)Math.Clamp(limit.TotalMilliseconds, 0, int.MaxValue));
        if (ready == 0)
            throw new TimeoutException();
        byte* bytes = stackalloc byte[4096];
        nint count = ready < 0 ? -1 : Read(_output, bytes, 4096);
        if (count < 0 && Marshal.GetLastPInvokeError() != Interrupted)
            throw Failed("its output");
        if (count > 0)
            _read.AddRange(new ReadOnlySpan<byte>(bytes, (int)count));
        return count != 0;
    }

    private string Take(int length, int with)
    {
        string line = Encoding.UTF8.GetString(CollectionsMarshal.AsSpan(_read)[..length]);
        _read.RemoveRange(0, with);
        return line.TrimEnd('\r');
    }

    public override void CloseInput()
    {
        if (_input >= 0)
            _ = Close(_input);
        _input = -1;
    }

    public override bool Wait(TimeSpan limit)
    {
        for (long start = Stopwatch.GetTimestamp(); _exitCode == null; Thread.Sleep(5))
        {
            if (WaitFor(_child, out int status, NoWaiting) == _child)
                _exitCode = (status & 0x7f) == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f);
            else if (Stopwatch.GetElapsedTime(start) > limit)
                return false;
        }
        return true;
    }

    public override void Kill()
    {
        _ = Signal(-_child, KillSignal); // the group: there is none any more where all have ended
        Wait(TimeSpan.FromSeconds(5));
    }

    public override void Dispose()
    {
        CloseInput();
        _ = Close(_output);
    }

    private static (int Read, int Write) Pipe()
    {
        int* ends = stackalloc int[2];
        return Pipe(ends, CloseOnExec) == 0 ? (ends[0], ends[1]) : throw Failed("a pipe");
    }

    private static IOException Failed(string what) =>
        new($"{what}: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}", Marshal.GetLastPInvokeError());

    /// <summary>Pointers to texts, with a null at the end, then the texts: one block.</summary>
    private static nint Strings(IEnumerable<string> texts)
    {
        byte[][] encoded = [.. texts.Select(text => Encoding.UTF8.GetBytes(text + "\0"))];
        int pointers = (encoded.Length + 1) * sizeof(nint);
        nint block = Marshal.AllocHGlobal(pointers + encoded.Sum(text => text.Length));
        nint place = block + pointers;
        for (int i = 0; i < encoded.Length; i++)
        {
            ((nint*)block)[i] = place;
            encoded[i].CopyTo(new Span<byte>((void*)place, encoded[i].Length));
            place += encoded[i].Length;
        }
        ((nint*)block)[encoded.Length] = 0;
        return block;
    }

    private struct Waiting
    {
        public int Descriptor;
        public short Events;
        public short Found;
    }

    [LibraryImport("libc", EntryPoint = "pipe2", SetLastError = true)]
    private static partial int Pipe(int* ends, int flags);

    [LibraryImport("libc", EntryPoint = "posix_spawnp", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Spawn(out int child, string program, void* actions, void* attributes, nint argv, nint environment);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_init")]
    private static partial int InitialiseActions(void* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_adddup2")]
    private static partial int AddDuplicate(void* actions, int from, int to);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_destroy")]
    private static partial int DestroyActions(void* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_init")]
    private static partial int InitialiseAttributes(void* attributes);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setsigdefault")]
    private static partial int SetDefaultSignals(void* attributes, void* signals);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setpgroup")]
    private static partial int SetGroup(void* attributes, int group);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setflags")]
    private static partial int SetFlags(void* attributes, short flags);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_destroy")]
    private static partial int DestroyAttributes(void* attributes);

    [LibraryImport("libc", EntryPoint = "sigfillset")]
    private static partial int FillSignals(void* signals);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(int descriptor, byte* bytes, nint count);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(int descriptor, byte* bytes, nint count);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(Waiting* waiting, nuint count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "waitpid")]
    private static partial int WaitFor(int child, out int status, int options);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Signal(int target, int signal);
}
