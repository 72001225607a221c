namespace FastRnn.OpenCL;

// The values of the OpenCL 1.2 headers that the back end uses, under the names of Silk.NET.OpenCL.

/// <summary>What a function answers.</summary>
internal enum ErrorCodes
{
    Success = 0,
    DeviceNotFound = -1,
    DeviceNotAvailable = -2,
    CompilerNotAvailable = -3,
    MemObjectAllocationFailure = -4,
    OutOfResources = -5,
    OutOfHostMemory = -6,
    ProfilingInfoNotAvailable = -7,
    MemCopyOverlap = -8,
    ImageFormatMismatch = -9,
    ImageFormatNotSupported = -10,
    BuildProgramFailure = -11,
    MapFailure = -12,
    MisalignedSubBufferOffset = -13,
    ExecStatusErrorForEventsInWaitList = -14,
    CompileProgramFailure = -15,
    LinkerNotAvailable = -16,
    LinkProgramFailure = -17,
    DevicePartitionFailed = -18,
    KernelArgInfoNotAvailable = -19,
    InvalidValue = -30,
    InvalidDeviceType = -31,
    InvalidPlatform = -32,
    InvalidDevice = -33,
    InvalidContext = -34,
    InvalidQueueProperties = -35,
    InvalidCommandQueue = -36,
    InvalidHostPtr = -37,
    InvalidMemObject = -38,
    InvalidImageFormatDescriptor = -39,
    InvalidImageSize = -40,
    InvalidSampler = -41,
    InvalidBinary = -42,
    InvalidBuildOptions = -43,
    InvalidProgram = -44,
    InvalidProgramExecutable = -45,
    InvalidKernelName = -46,
    InvalidKernelDefinition = -47,
    InvalidKernel = -48,
    InvalidArgIndex = -49,
    InvalidArgValue = -50,
    InvalidArgSize = -51,
    InvalidKernelArgs = -52,
    InvalidWorkDimension = -53,
    InvalidWorkGroupSize = -54,
    InvalidWorkItemSize = -55,
    InvalidGlobalOffset = -56,
    InvalidEventWaitList = -57,
    InvalidEvent = -58,
    InvalidOperation = -59,
    InvalidGLObject = -60,
    InvalidBufferSize = -61,
    InvalidMipLevel = -62,
    InvalidGlobalWorkSize = -63,
    InvalidProperty = -64,
    InvalidImageDescriptor = -65,
    InvalidCompilerOptions = -66,
    InvalidLinkerOptions = -67,
    InvalidDevicePartitionCount = -68,
    InvalidPipeSize = -69,
    InvalidDeviceQueue = -70,
    InvalidSpecID = -71,
    MaxSizeRestrictionExceeded = -72,
    PlatformNotFoundKhr = -1001,
}

[Flags]
internal enum DeviceType : ulong
{
    Default = 1,
    Cpu = 2,
    Gpu = 4,
    Accelerator = 8,
    All = 0xFFFFFFFF,
}

internal enum PlatformInfo
{
    Version = 0x901,
    Name = 0x902,
    Vendor = 0x903,
}

internal enum DeviceInfo
{
    Type = 0x1000,
    MaxComputeUnits = 0x1002,
    MaxWorkGroupSize = 0x1004,
    MaxMemAllocSize = 0x1010,
    SingleFPConfig = 0x101B,
    GlobalMemSize = 0x101F,
    LocalMemSize = 0x1023,
    Available = 0x1027,
    CompilerAvailable = 0x1028,
    Name = 0x102B,
    Vendor = 0x102C,
    DriverVersion = 0x102D,
    Version = 0x102F,
    Extensions = 0x1030,
}

[Flags]
internal enum DeviceFpConfig : ulong
{
    FPDenorm = 1,
    FPInfNan = 2,
    FPRoundToNearest = 4,
    FPFma = 0x20,
    FPSoftFloat = 0x40,
    FPCorrectlyRoundedDivideSqrt = 0x80,
}

[Flags]
internal enum CommandQueueProperties : ulong
{
    QueueOutOfOrderExecModeEnable = 1,
    QueueProfilingEnable = 2,
}

[Flags]
internal enum MemFlags : ulong
{
    ReadWrite = 1,
    AllocHostPtr = 0x10,
}

[Flags]
internal enum MapFlags : ulong
{
    Read = 1,
    Write = 2,
}

internal enum ProgramInfo
{
    BinarySizes = 0x1165,
    Binaries = 0x1166,
}

internal enum ProgramBuildInfo
{
    BuildLog = 0x1183,
}
