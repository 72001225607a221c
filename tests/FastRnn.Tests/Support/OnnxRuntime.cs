using System.Runtime.InteropServices;
using System.Text;

namespace FastRnn.Tests.Support;

/// <summary>
/// ONNX Runtime, to compare with, by the part of its C interface that this needs: a table of functions whose order never changes, a version only adds
/// entries at its end. The library is what <c>bench/peers/onnxruntime.sh</c> fetches, or what FASTRNN_ONNXRUNTIME names.
/// </summary>
internal static unsafe class OnnxRuntime
{
    private const uint TableVersion = 5;
    private const int Warning = 2;

    private static readonly string _path =
        Environment.GetEnvironmentVariable("FASTRNN_ONNXRUNTIME") ?? Path.Combine(Repository.Root, "bench", "peers", "build", "libonnxruntime.so.1");

    private static readonly Lazy<(nint Table, nint Environment, nint Memory)> _api = new(Load);

    /// <summary>Places in the table.</summary>
    private enum Place
    {
        GetErrorMessage = 2,
        CreateEnv = 3,
        CreateSessionFromArray = 8,
        Run = 9,
        CreateSessionOptions = 10,
        SetSessionLogSeverityLevel = 22,
        SetSessionGraphOptimizationLevel = 23,
        SetIntraOpNumThreads = 24,
        SessionGetOutputCount = 31,
        SessionGetOutputName = 37,
        CreateTensorWithDataAsOrtValue = 49,
        GetTensorMutableData = 51,
        GetTensorElementType = 60,
        GetDimensionsCount = 61,
        GetDimensions = 62,
        GetTensorTypeAndShape = 65,
        CreateCpuMemoryInfo = 69,
        AllocatorFree = 76,
        GetAllocatorWithDefaultOptions = 78,
        ReleaseStatus = 93,
        ReleaseSession = 95,
        ReleaseValue = 96,
        ReleaseTensorTypeAndShapeInfo = 99,
        ReleaseSessionOptions = 100,
    }

    /// <summary>Why there is no ONNX Runtime; null where there is one.</summary>
    public static string? Missing => File.Exists(_path) ? null : $"needs ONNX Runtime's library: bench/peers/onnxruntime.sh fetches it, or FASTRNN_ONNXRUNTIME names it ({_path} is not there)";

    /// <summary>Runs a model once, on one thread, its graph as it stands.</summary>
    /// <exception cref="InvalidOperationException">ONNX Runtime refuses the model or the inputs; its message.</exception>
    public static Dictionary<string, OnnxValue> Run(byte[] model, IReadOnlyDictionary<string, OnnxValue> inputs)
    {
        nint options = 0, session = 0;
        Try(((delegate* unmanaged<nint*, nint>)At(Place.CreateSessionOptions))(&options));
        try
        {
            Try(((delegate* unmanaged<nint, int, nint>)At(Place.SetSessionGraphOptimizationLevel))(options, 0));
            Try(((delegate* unmanaged<nint, int, nint>)At(Place.SetIntraOpNumThreads))(options, 1));
            Try(((delegate* unmanaged<nint, int, nint>)At(Place.SetSessionLogSeverityLevel))(options, Warning + 2));
            fixed (byte* bytes = model)
                Try(((delegate* unmanaged<nint, byte*, nuint, nint, nint*, nint>)At(Place.CreateSessionFromArray))(_api.Value.Environment, bytes, (nuint)model.Length, options, &session));
            return Run(session, inputs);
        }
        finally
        {
            Release(Place.ReleaseSession, session);
            Release(Place.ReleaseSessionOptions, options);
        }
    }

    private static Dictionary<string, OnnxValue> Run(nint session, IReadOnlyDictionary<string, OnnxValue> inputs)
    {
        string[] outputNames = OutputNames(session);
        string[] inputNames = [.. inputs.Keys];
        var pins = new List<GCHandle>();
        var values = new nint[inputNames.Length];
        var results = new nint[outputNames.Length];
        nint Pinned(object array)
        {
            pins.Add(GCHandle.Alloc(array, GCHandleType.Pinned));
            return pins[^1].AddrOfPinnedObject();
        }

        try
        {
            for (int i = 0; i < values.Length; i++)
            {
                OnnxValue value = inputs[inputNames[i]];
                nint data = Pinned(value.Bytes.Length == 0 ? new byte[8] : value.Bytes), shape = Pinned(value.Shape.Length == 0 ? new long[1] : value.Shape), created = 0;
                Try(((delegate* unmanaged<nint, nint, nuint, nint, nuint, int, nint*, nint>)At(Place.CreateTensorWithDataAsOrtValue))(
                    _api.Value.Memory, data, (nuint)value.Bytes.Length, shape, (nuint)value.Shape.Length, value.Type, &created));
                values[i] = created;
            }
            nint[] inputTexts = [.. inputNames.Select(name => Pinned(Utf8(name)))], outputTexts = [.. outputNames.Select(name => Pinned(Utf8(name)))];
            fixed (nint* input = inputTexts, output = outputTexts, given = values, made = results)
                Try(((delegate* unmanaged<nint, nint, nint*, nint*, nuint, nint*, nuint, nint*, nint>)At(Place.Run))(
                    session, 0, input, given, (nuint)values.Length, output, (nuint)results.Length, made));
            return outputNames.Zip(results, (name, value) => (name, value: Read(value))).ToDictionary(pair => pair.name, pair => pair.value);
        }
        finally
        {
            foreach (nint value in values.Concat(results))
                Release(Place.ReleaseValue, value);
            foreach (GCHandle pin in pins)
                pin.Free();
        }
    }

    private static string[] OutputNames(nint session)
    {
        nint allocator = 0;
        nuint count = 0;
        Try(((delegate* unmanaged<nint*, nint>)At(Place.GetAllocatorWithDefaultOptions))(&allocator));
        Try(((delegate* unmanaged<nint, nuint*, nint>)At(Place.SessionGetOutputCount))(session, &count));
        var names = new string[count];
        for (int i = 0; i < names.Length; i++)
        {
            nint text = 0;
            Try(((delegate* unmanaged<nint, nuint, nint, nint*, nint>)At(Place.SessionGetOutputName))(session, (nuint)i, allocator, &text));
            names[i] = Marshal.PtrToStringUTF8(text)!;
            Try(((delegate* unmanaged<nint, nint, nint>)At(Place.AllocatorFree))(allocator, text));
        }
        return names;
    }

    private static OnnxValue Read(nint value)
    {
        nint info = 0, data = 0;
        Try(((delegate* unmanaged<nint, nint*, nint>)At(Place.GetTensorTypeAndShape))(value, &info));
        try
        {
            int type = 0;
            nuint rank = 0;
            Try(((delegate* unmanaged<nint, int*, nint>)At(Place.GetTensorElementType))(info, &type));
            Try(((delegate* unmanaged<nint, nuint*, nint>)At(Place.GetDimensionsCount))(info, &rank));
            var shape = new long[rank];
            fixed (long* sizes = shape)
                Try(((delegate* unmanaged<nint, long*, nuint, nint>)At(Place.GetDimensions))(info, sizes, rank));
            Try(((delegate* unmanaged<nint, nint*, nint>)At(Place.GetTensorMutableData))(value, &data));
            int size = type switch { 1 or 6 or 12 => 4, 7 or 11 or 13 => 8, 4 or 5 or 10 or 16 => 2, 2 or 3 or 9 => 1, _ => throw new NotSupportedException($"elements of the type {type}") };
            return new OnnxValue(type, shape, new ReadOnlySpan<byte>((void*)data, checked((int)shape.Aggregate(1L, (product, s) => product * s) * size)).ToArray());
        }
        finally
        {
            Release(Place.ReleaseTensorTypeAndShapeInfo, info);
        }
    }

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text + "\0");

    private static (nint, nint, nint) Load()
    {
        nint library = NativeLibrary.Load(_path);
        nint* start = ((delegate* unmanaged<nint*>)NativeLibrary.GetExport(library, "OrtGetApiBase"))();
        nint table = ((delegate* unmanaged<uint, nint>)start[0])(TableVersion);
        if (table == 0)
            throw new NotSupportedException($"{_path} does not know version {TableVersion} of its own interface");
        nint environment = 0, memory = 0;
        fixed (byte* name = "tests\0"u8)
            Try(table, ((delegate* unmanaged<int, byte*, nint*, nint>)At(table, Place.CreateEnv))(Warning + 2, name, &environment));
        Try(table, ((delegate* unmanaged<int, int, nint*, nint>)At(table, Place.CreateCpuMemoryInfo))(0, 0, &memory));
        return (table, environment, memory);
    }

    private static void* At(Place place) => At(_api.Value.Table, place);

    private static void* At(nint table, Place place) => (void*)((nint*)table)[(int)place];

    private static void Release(Place release, nint value)
    {
        if (value != 0)
            ((delegate* unmanaged<nint, void>)At(release))(value);
    }

    private static void Try(nint status) => Try(_api.Value.Table, status);

    private static void Try(nint table, nint status)
    {
        if (status == 0)
            return;
        string message = Marshal.PtrToStringUTF8(((delegate* unmanaged<nint, nint>)At(table, Place.GetErrorMessage))(status)) ?? "";
        ((delegate* unmanaged<nint, void>)At(table, Place.ReleaseStatus))(status);
        throw new InvalidOperationException($"ONNX Runtime: {message}");
    }
}
