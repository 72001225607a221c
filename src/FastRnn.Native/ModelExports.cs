using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Layers;
using FastRnn.Numerics;

namespace FastRnn.Native;

/// <summary>The C# halves of the functions of the library and of models; fastrnn.h says what each does.</summary>
internal static unsafe class ModelExports
{
    /// <summary>What the readers of files refuse anyway.</summary>
    private const ulong MostBytes = 1ul << 40;

    private static readonly Handles<NativeModel> _models = new(0x4D);
    private static int _threads = 1;
    private static ulong _limit = MostBytes;

    /// <summary>Threads of sessions that name none.</summary>
    public static int Threads => Volatile.Read(ref _threads);

    /// <summary>Makes the table of models.</summary>
    public static Status Start()
    {
        _models.Find(0);
        return Status.Ok;
    }

    /// <summary>The model, held for the caller, or null with the failure noted.</summary>
    public static NativeModel? Hold(ulong handle, out Status status)
    {
        NativeModel? model = _models.Find(handle);
        bool held = model != null && model.Hold();
        status = held ? Status.Ok : LastError.Fail(Status.Handle, "not the handle of a model"u8);
        return held ? model : null;
    }

    [UnmanagedCallersOnly(EntryPoint = "managed_fastrnn_isa", CallConvs = [typeof(CallConvCdecl)])]
    public static int CurrentIsa()
    {
        try
        {
            return (int)Isa.Current;
        }
        catch (Exception e)
        {
            LastError.Fail(e);
            return -1;
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "managed_fastrnn_set_threads", CallConvs = [typeof(CallConvCdecl)])]
    public static Status SetThreads(int threads)
    {
        try
        {
            if (threads is < 0 or > 1024)
                return LastError.Fail(Status.Argument, "threads: expected 0 to 1024"u8);
            Volatile.Write(ref _threads, threads == 0 ? Environment.ProcessorCount : threads);
            return Status.Ok;
        }
        catch (Exception e)
        {
            return LastError.Fail(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "managed_fastrnn_set_model_limit", CallConvs = [typeof(CallConvCdecl)])]
    public static Status SetLimit(ulong bytes)
    {
        try
        {
            Volatile.Write(ref _limit, Math.Min(bytes, MostBytes));
            return Status.Ok;
        }
        catch (Exception e)
        {
            return LastError.Fail(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "managed_fastrnn_model_load", CallConvs = [typeof(CallConvCdecl)])]
    public static Status Load(byte* path, ulong* model)
    {
        if (path == null || model == null)
            return LastError.Fail(Status.Argument, "path or model is a null pointer"u8);
        try
        {
            string name = Marshal.PtrToStringUTF8((nint)path)!;
            if (name.Length == 0)
                return LastError.Fail(Status.Argument, "the path is empty"u8);
            if (File.Exists(name) && TooLarge((ulong)new FileInfo(name).Length, out Status status))
                return status;
            *model = Add(backend => ModelFile.Load(name, backend).Model);
            return Status.Ok;
        }
        catch (Exception e)
        {
            return LastError.Fail(e, touchesCaller: true);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "managed_fastrnn_model_load_memory", CallConvs = [typeof(CallConvCdecl)])]
    public static Status LoadMemory(byte* data, nuint size, ulong* model)
    {
        if (data == null || model == null)
            return LastError.Fail(Status.Argument, "data or model is a null pointer"u8);
        try
        {
            if (TooLarge(size, out Status status))
                return status;
            *model = Add(backend =>
            {
                using var stream = new UnmanagedMemoryStream(data, (long)size);
                return ModelFile.Load(stream, backend).Model;
            });
            return Status.Ok;
        }
        catch (Exception e)
        {
            return LastError.Fail(e, touchesCaller: true);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "managed_fastrnn_model_destroy", CallConvs = [typeof(CallConvCdecl)])]
    public static Status Destroy(ulong handle)
    {
        try
        {
            if (_models.Remove(handle) is not { } model)
                return LastError.Fail(Status.Handle, "not the handle of a model"u8);
            model.Release();
            return Status.Ok;
        }
        catch (Exception e)
        {
            return LastError.Fail(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "managed_fastrnn_model_shape", CallConvs = [typeof(CallConvCdecl)])]
    public static Status GetShape(ulong handle, Shape* shape)
    {
        if (shape == null)
            return LastError.Fail(Status.Argument, "shape is a null pointer"u8);
        try
        {
            if (_models.Find(handle) is not { } model)
                return LastError.Fail(Status.Handle, "not the handle of a model"u8);
            *shape = model.Shape;
            return Status.Ok;
        }
        catch (Exception e)
        {
            return LastError.Fail(e, touchesCaller: true);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "managed_fastrnn_model_replace", CallConvs = [typeof(CallConvCdecl)])]
    public static Status Replace(ulong handle, ulong source)
    {
        NativeModel? model = Hold(handle, out Status status), from = null;
        if (model == null)
            return status;
        try
        {
            from = Hold(source, out status);
            if (from != null)
                model.Network.Replace(from.Network.Snapshot());
            return status;
        }
        catch (Exception e)
        {
            return LastError.Fail(e);
        }
        finally
        {
            model.Release();
            from?.Release();
        }
    }

    private static bool TooLarge(ulong bytes, out Status status)
    {
        bool tooLarge = bytes > Volatile.Read(ref _limit);
        status = tooLarge ? LastError.Fail(Status.Memory, "the model is larger than fastrnn_set_model_limit allows"u8) : Status.Ok;
        return tooLarge;
    }

    private static ulong Add(Func<CpuBackend, Sequential> load)
    {
        CpuBackend backend = CpuBackend.CreateForInference(threads: 1); // nothing is trained through the C ABI
        try
        {
            return _models.Add(new NativeModel(load(backend), backend));
        }
        catch
        {
            backend.Dispose();
            throw;
        }
    }
}
