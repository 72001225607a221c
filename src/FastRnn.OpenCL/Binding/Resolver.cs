using System.Runtime.InteropServices;

namespace FastRnn.OpenCL;

/// <summary>Finds the native library when the first function of <see cref="CL"/> is called, and says what it has tried.</summary>
internal static class Resolver
{
    private static nint _handle;

    public static CL Load(string? path)
    {
        string[] names = path == null ? OpenClLibrary.Names : [path];
        foreach (string name in names)
        {
            if (!NativeLibrary.TryLoad(name, out nint handle))
                continue;
            if (!NativeLibrary.TryGetExport(handle, "clEnqueueFillBuffer", out _))
                throw new OpenClException($"{name} is no library of OpenCL 1.2: it lacks clEnqueueFillBuffer");
            _handle = handle;
            NativeLibrary.SetDllImportResolver(typeof(CL).Assembly, static (name, _, _) => name == OpenClLibrary.Name ? _handle : 0);
            return CL.GetApi();
        }
        throw OpenClLibrary.Missing(names);
    }
}
