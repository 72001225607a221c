using System.Runtime.InteropServices;

namespace FastRnn.OpenCL;

// One native function each. The instance methods have no state of their own: the package that may take this file's place has them so.
#pragma warning disable CA1822

/// <summary>
/// The OpenCL 1.2 functions that the back end calls. Names, order of parameters and enums are those of Silk.NET.OpenCL's class of the same name, so that
/// one can stand for the other. The library is loaded by the first call; see <see cref="OpenClLibrary"/>.
/// </summary>
internal sealed unsafe partial class CL
{
    private static readonly CL Api = new();

    public static CL GetApi() => Api;

    public int GetPlatformIDs(uint count, nint* platforms, uint* found) => Native.GetPlatformIDs(count, platforms, found);

    public int GetPlatformInfo(nint platform, PlatformInfo name, nuint size, void* value, nuint* needed) =>
        Native.GetPlatformInfo(platform, (uint)name, size, value, needed);

    public int GetDeviceIDs(nint platform, DeviceType type, uint count, nint* devices, uint* found) =>
        Native.GetDeviceIDs(platform, (ulong)type, count, devices, found);

    public int GetDeviceInfo(nint device, DeviceInfo name, nuint size, void* value, nuint* needed) =>
        Native.GetDeviceInfo(device, (uint)name, size, value, needed);

    public nint CreateContext(nint* properties, uint count, nint* devices, void* notify, void* data, int* error) =>
        Native.CreateContext(properties, count, devices, notify, data, error);

    public int ReleaseContext(nint context) => Native.ReleaseContext(context);

    public nint CreateCommandQueue(nint context, nint device, CommandQueueProperties properties, int* error) =>
        Native.CreateCommandQueue(context, device, (ulong)properties, error);

    public int ReleaseCommandQueue(nint queue) => Native.ReleaseCommandQueue(queue);

    public nint CreateBuffer(nint context, MemFlags flags, nuint size, void* host, int* error) =>
        Native.CreateBuffer(context, (ulong)flags, size, host, error);

    public int ReleaseMemObject(nint memory) => Native.ReleaseMemObject(memory);

    public nint CreateProgramWithSource(nint context, uint count, byte** strings, nuint* lengths, int* error) =>
        Native.CreateProgramWithSource(context, count, strings, lengths, error);

    public nint CreateProgramWithBinary(nint context, uint count, nint* devices, nuint* lengths, byte** binaries, int* statuses, int* error) =>
        Native.CreateProgramWithBinary(context, count, devices, lengths, binaries, statuses, error);

    public int BuildProgram(nint program, uint count, nint* devices, byte* options, void* notify, void* data) =>
        Native.BuildProgram(program, count, devices, options, notify, data);

    public int GetProgramBuildInfo(nint program, nint device, ProgramBuildInfo name, nuint size, void* value, nuint* needed) =>
        Native.GetProgramBuildInfo(program, device, (uint)name, size, value, needed);

    public int GetProgramInfo(nint program, ProgramInfo name, nuint size, void* value, nuint* needed) =>
        Native.GetProgramInfo(program, (uint)name, size, value, needed);

    public int ReleaseProgram(nint program) => Native.ReleaseProgram(program);

    public nint CreateKernel(nint program, byte* name, int* error) => Native.CreateKernel(program, name, error);

    public int ReleaseKernel(nint kernel) => Native.ReleaseKernel(kernel);

    public int SetKernelArg(nint kernel, uint index, nuint size, void* value) => Native.SetKernelArg(kernel, index, size, value);

    public int EnqueueNdrangeKernel(
        nint queue, nint kernel, uint dimensions, nuint* offset, nuint* global, nuint* local, uint waits, nint* waitList, nint* @event) =>
        Native.EnqueueNdrangeKernel(queue, kernel, dimensions, offset, global, local, waits, waitList, @event);

    public int EnqueueReadBuffer(
        nint queue, nint buffer, bool blocking, nuint offset, nuint size, void* host, uint waits, nint* waitList, nint* @event) =>
        Native.EnqueueReadBuffer(queue, buffer, blocking ? 1u : 0, offset, size, host, waits, waitList, @event);

    public int EnqueueWriteBuffer(
        nint queue, nint buffer, bool blocking, nuint offset, nuint size, void* host, uint waits, nint* waitList, nint* @event) =>
        Native.EnqueueWriteBuffer(queue, buffer, blocking ? 1u : 0, offset, size, host, waits, waitList, @event);

    public int EnqueueCopyBuffer(
        nint queue, nint source, nint destination, nuint sourceOffset, nuint destinationOffset, nuint size, uint waits, nint* waitList, nint* @event) =>
        Native.EnqueueCopyBuffer(queue, source, destination, sourceOffset, destinationOffset, size, waits, waitList, @event);

    public int EnqueueFillBuffer(
        nint queue, nint buffer, void* pattern, nuint patternSize, nuint offset, nuint size, uint waits, nint* waitList, nint* @event) =>
        Native.EnqueueFillBuffer(queue, buffer, pattern, patternSize, offset, size, waits, waitList, @event);

    public void* EnqueueMapBuffer(
        nint queue, nint buffer, bool blocking, MapFlags flags, nuint offset, nuint size, uint waits, nint* waitList, nint* @event, int* error) =>
        Native.EnqueueMapBuffer(queue, buffer, blocking ? 1u : 0, (ulong)flags, offset, size, waits, waitList, @event, error);

    public int EnqueueUnmapMemObject(nint queue, nint memory, void* mapped, uint waits, nint* waitList, nint* @event) =>
        Native.EnqueueUnmapMemObject(queue, memory, mapped, waits, waitList, @event);

    public int EnqueueMarkerWithWaitList(nint queue, uint waits, nint* waitList, nint* @event) =>
        Native.EnqueueMarkerWithWaitList(queue, waits, waitList, @event);

    public int WaitForEvents(uint count, nint* events) => Native.WaitForEvents(count, events);

    public int ReleaseEvent(nint @event) => Native.ReleaseEvent(@event);

    public int Flush(nint queue) => Native.Flush(queue);

    public int Finish(nint queue) => Native.Finish(queue);

    private static partial class Native
    {
        private const string Library = OpenClLibrary.Name;

        [LibraryImport(Library, EntryPoint = "clGetPlatformIDs")]
        public static partial int GetPlatformIDs(uint count, nint* platforms, uint* found);

        [LibraryImport(Library, EntryPoint = "clGetPlatformInfo")]
        public static partial int GetPlatformInfo(nint platform, uint name, nuint size, void* value, nuint* needed);

        [LibraryImport(Library, EntryPoint = "clGetDeviceIDs")]
        public static partial int GetDeviceIDs(nint platform, ulong type, uint count, nint* devices, uint* found);

        [LibraryImport(Library, EntryPoint = "clGetDeviceInfo")]
        public static partial int GetDeviceInfo(nint device, uint name, nuint size, void* value, nuint* needed);

        [LibraryImport(Library, EntryPoint = "clCreateContext")]
        public static partial nint CreateContext(nint* properties, uint count, nint* devices, void* notify, void* data, int* error);

        [LibraryImport(Library, EntryPoint = "clReleaseContext")]
        public static partial int ReleaseContext(nint context);

        [LibraryImport(Library, EntryPoint = "clCreateCommandQueue")]
        public static partial nint CreateCommandQueue(nint context, nint device, ulong properties, int* error);

        [LibraryImport(Library, EntryPoint = "clReleaseCommandQueue")]
        public static partial int ReleaseCommandQueue(nint queue);

        [LibraryImport(Library, EntryPoint = "clCreateBuffer")]
        public static partial nint CreateBuffer(nint context, ulong flags, nuint size, void* host, int* error);

        [LibraryImport(Library, EntryPoint = "clReleaseMemObject")]
        public static partial int ReleaseMemObject(nint memory);

        [LibraryImport(Library, EntryPoint = "clCreateProgramWithSource")]
        public static partial nint CreateProgramWithSource(nint context, uint count, byte** strings, nuint* lengths, int* error);

        [LibraryImport(Library, EntryPoint = "clCreateProgramWithBinary")]
        public static partial nint CreateProgramWithBinary(
            nint context, uint count, nint* devices, nuint* lengths, byte** binaries, int* statuses, int* error);

        [LibraryImport(Library, EntryPoint = "clBuildProgram")]
        public static partial int BuildProgram(nint program, uint count, nint* devices, byte* options, void* notify, void* data);

        [LibraryImport(Library, EntryPoint = "clGetProgramBuildInfo")]
        public static partial int GetProgramBuildInfo(nint program, nint device, uint name, nuint size, void* value, nuint* needed);

        [LibraryImport(Library, EntryPoint = "clGetProgramInfo")]
        public static partial int GetProgramInfo(nint program, uint name, nuint size, void* value, nuint* needed);

        [LibraryImport(Library, EntryPoint = "clReleaseProgram")]
        public static partial int ReleaseProgram(nint program);

        [LibraryImport(Library, EntryPoint = "clCreateKernel")]
        public static partial nint CreateKernel(nint program, byte* name, int* error);

        [LibraryImport(Library, EntryPoint = "clReleaseKernel")]
        public static partial int ReleaseKernel(nint kernel);

        [LibraryImport(Library, EntryPoint = "clSetKernelArg")]
        public static partial int SetKernelArg(nint kernel, uint index, nuint size, void* value);

        [LibraryImport(Library, EntryPoint = "clEnqueueNDRangeKernel")]
        public static partial int EnqueueNdrangeKernel(
            nint queue, nint kernel, uint dimensions, nuint* offset, nuint* global, nuint* local, uint waits, nint* waitList, nint* @event);

        [LibraryImport(Library, EntryPoint = "clEnqueueReadBuffer")]
        public static partial int EnqueueReadBuffer(
            nint queue, nint buffer, uint blocking, nuint offset, nuint size, void* host, uint waits, nint* waitList, nint* @event);

        [LibraryImport(Library, EntryPoint = "clEnqueueWriteBuffer")]
        public static partial int EnqueueWriteBuffer(
            nint queue, nint buffer, uint blocking, nuint offset, nuint size, void* host, uint waits, nint* waitList, nint* @event);

        [LibraryImport(Library, EntryPoint = "clEnqueueCopyBuffer")]
        public static partial int EnqueueCopyBuffer(
            nint queue, nint source, nint destination, nuint sourceOffset, nuint destinationOffset, nuint size, uint waits, nint* waitList,
            nint* @event);

        [LibraryImport(Library, EntryPoint = "clEnqueueFillBuffer")]
        public static partial int EnqueueFillBuffer(
            nint queue, nint buffer, void* pattern, nuint patternSize, nuint offset, nuint size, uint waits, nint* waitList, nint* @event);

        [LibraryImport(Library, EntryPoint = "clEnqueueMapBuffer")]
        public static partial void* EnqueueMapBuffer(
            nint queue, nint buffer, uint blocking, ulong flags, nuint offset, nuint size, uint waits, nint* waitList, nint* @event, int* error);

        [LibraryImport(Library, EntryPoint = "clEnqueueUnmapMemObject")]
        public static partial int EnqueueUnmapMemObject(nint queue, nint memory, void* mapped, uint waits, nint* waitList, nint* @event);

        [LibraryImport(Library, EntryPoint = "clEnqueueMarkerWithWaitList")]
        public static partial int EnqueueMarkerWithWaitList(nint queue, uint waits, nint* waitList, nint* @event);

        [LibraryImport(Library, EntryPoint = "clWaitForEvents")]
        public static partial int WaitForEvents(uint count, nint* events);

        [LibraryImport(Library, EntryPoint = "clReleaseEvent")]
        public static partial int ReleaseEvent(nint @event);

        [LibraryImport(Library, EntryPoint = "clFlush")]
        public static partial int Flush(nint queue);

        [LibraryImport(Library, EntryPoint = "clFinish")]
        public static partial int Finish(nint queue);
    }
}
