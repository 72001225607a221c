using System.Text;

namespace FastRnn.OpenCL;

/// <summary>
/// An OpenCL device, its driver or its library has failed. The message names the call, the code's name and the device; the back end that throws it on
/// anything but an allocation cannot be used any more, as nobody knows what its arrays hold.
/// </summary>
public sealed class OpenClException : Exception
{
    private const int IllegalAccess = -9999;

    /// <summary>An error without a code.</summary>
    public OpenClException()
        : this("OpenCL has failed")
    {
    }

    /// <summary>An error without a code.</summary>
    /// <param name="message">What happened.</param>
    public OpenClException(string message)
        : base(message)
    {
    }

    /// <summary>An error that another one has caused.</summary>
    /// <param name="message">What happened.</param>
    /// <param name="innerException">Its cause.</param>
    public OpenClException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    internal OpenClException(string call, int code, string where)
        : base($"{call} failed: {NameOf(code)} ({code}) on {where}") => Code = code;

    /// <summary>The code that OpenCL gave, below 0; 0 where it gave none.</summary>
    public int Code { get; }

    /// <summary>CL_OUT_OF_RESOURCES for −5 and so on.</summary>
    internal static string NameOf(int code)
    {
        string name = ((ErrorCodes)code).ToString();
        if (code == IllegalAccess)
            return "NVIDIA's code of an illegal access to memory";
        if (!Enum.IsDefined((ErrorCodes)code))
            return "unknown code";
        var text = new StringBuilder("CL");
        for (int i = 0; i < name.Length; i++)
        {
            bool starts = char.IsUpper(name[i]) && (i == 0 || char.IsLower(name[i - 1]) || (i + 1 < name.Length && char.IsLower(name[i + 1])));
            text.Append(starts ? "_" : "").Append(char.ToUpperInvariant(name[i]));
        }
        return text.ToString();
    }
}
