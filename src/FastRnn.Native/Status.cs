namespace FastRnn.Native;

/// <summary>What calls return: fastrnn_status of fastrnn.h.</summary>
internal enum Status
{
    Ok = 0,
    Argument = 1,
    Handle = 2,
    Io = 3,
    Format = 4,
    Unsupported = 5,
    Memory = 6,
    State = 7,
    Busy = 8,
    Cpu = 9,
    Internal = 10,
}
