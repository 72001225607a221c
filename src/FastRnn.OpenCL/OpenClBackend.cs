using FastRnn.Backends;

namespace FastRnn.OpenCL;

/// <summary>
/// The back end of an OpenCL 1.2 device. Operations are started and not waited for: only reading waits. Where the device computes exactly
/// (<see cref="OpenClDevice.IsExact"/>) results are those of the CPU back end, bit for bit, but for sums in double (losses, norms, step norms) on a GPU,
/// whose order is another. Dispose it to give the device back.
/// </summary>
public sealed partial class OpenClBackend : Backend
{
    private readonly DeviceContext _context;
    private readonly DevicePool _pool;
    private readonly Staging _staging;
    private readonly Programs _programs;
    private readonly HostArray _indices;
    private readonly HostArray _flags;
    private readonly HostArray _constants;
    private readonly HostArray _results;
    private float[] _hostFloats = [];
    private byte[] _marks = [];
    private bool _isDisposed;

    /// <summary>Work-items that a group must have room for: four lines of sixteen. The standard allows fewer; no device that anybody computes on has them.</summary>
    private const int SmallestGroup = 64;

    /// <summary>A back end on a device of this machine.</summary>
    /// <param name="device">Its index in <see cref="OpenClDevice.All"/>.</param>
    /// <param name="options">Limits and folders; null takes the defaults.</param>
    /// <exception cref="OpenClException">There is no OpenCL library or no such device, or the device cannot be opened.</exception>
    public OpenClBackend(int device = 0, OpenClOptions? options = null)
        : this(Find(device), options)
    {
    }

    /// <summary>A back end on a device.</summary>
    /// <param name="device">One of <see cref="OpenClDevice.All"/>.</param>
    /// <param name="options">Limits and folders; null takes the defaults.</param>
    /// <exception cref="OpenClException">The device cannot be opened.</exception>
    public OpenClBackend(OpenClDevice device, OpenClOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(device);
        if (!device.IsAvailable)
            throw new OpenClException($"{device} is not available, or has no compiler");
        if (!device.IsRecent)
            throw new OpenClException($"{device} is too old: OpenCL 1.2 is needed");
        if (device.LargestGroup < SmallestGroup)
            throw new OpenClException($"{device} has groups of {device.LargestGroup} work-items at most: {SmallestGroup} are needed");
        _context = new DeviceContext(device, options ?? new OpenClOptions()) { Owner = this };
        _pool = new DevicePool(_context);
        _staging = new Staging(_context);
        _programs = new Programs(_context);
        (_indices, _flags) = (new HostArray(_pool, _staging), new HostArray(_pool, _staging));
        (_constants, _results) = (new HostArray(_pool, _staging), new HostArray(_pool, _staging));
    }

    /// <summary>Gives the device back where nobody did. Not on this thread: the device may still be at work, and all finalizers would wait for it.</summary>
    ~OpenClBackend()
    {
        if (_context != null && !_isDisposed)
            ThreadPool.UnsafeQueueUserWorkItem(static backend => backend.Dispose(), this, preferLocal: false);
    }

    /// <summary>What it computes on.</summary>
    public OpenClDevice Device => _context.Device;

    /// <inheritdoc/>
    public override string Name => $"opencl:{Device.Index} {Device.Name}";

    /// <inheritdoc/>
    public override void Dispose()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        GC.SuppressFinalize(this);
        _context.Quiesce();
        _ = _context.Calling; // a driver may hang in a release as well
        _programs.Dispose();
        _staging.Dispose();
        _pool.Dispose();
        _context.Dispose();
    }

    /// <summary>Memory belongs to the context of one back end, even where another has the same device.</summary>
    internal override bool IsLike(Backend other) => ReferenceEquals(other, this);

    private static OpenClDevice Find(int index)
    {
        IReadOnlyList<OpenClDevice> devices = OpenClDevice.All();
        return index >= 0 && index < devices.Count
            ? devices[index]
            : throw new OpenClException(devices.Count == 0
                ? "there is an OpenCL library but no device: install the device's OpenCL driver"
                : $"there is no OpenCL device {index}: there are 0 … {devices.Count - 1}");
    }

    private OpenClBuffer Own(DeviceBuffer buffer) =>
        buffer is OpenClBuffer own && own.Block.Pool == _pool ? own
            : throw new ArgumentException($"buffer {buffer} belongs to another back end", nameof(buffer));

    private OpenClBuffer? OwnOrNull(DeviceBuffer? buffer) => buffer == null ? null : Own(buffer);

    private static void CheckLength(DeviceBuffer buffer, int length)
    {
        if (length != buffer.Length)
            throw new ArgumentException($"buffer {buffer} holds {buffer.Length} values, {length} given");
    }

    private static void CheckShape(DeviceBuffer buffer, int rows, int columns)
    {
        if (buffer.Rows != rows || buffer.Columns != columns)
            throw new ArgumentException($"expected a buffer [{rows}, {columns}], got {buffer}");
    }
}
