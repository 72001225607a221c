using Xunit;

namespace FastRnn.Tests.Support;

/// <summary>A test that compares with ONNX Runtime; reported as skipped, which continuous integration does not allow, where its library is missing.</summary>
internal sealed class OnnxRuntimeFactAttribute : FactAttribute
{
    public OnnxRuntimeFactAttribute() => Skip = OnnxRuntime.Missing;
}

/// <summary>As <see cref="OnnxRuntimeFactAttribute"/>, of several cases.</summary>
internal sealed class OnnxRuntimeTheoryAttribute : TheoryAttribute
{
    public OnnxRuntimeTheoryAttribute() => Skip = OnnxRuntime.Missing;
}
