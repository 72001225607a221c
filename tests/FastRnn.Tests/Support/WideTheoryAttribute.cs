using Xunit;

namespace FastRnn.Tests.Support;

/// <summary>As <see cref="WideFactAttribute"/>, of several cases.</summary>
internal sealed class WideTheoryAttribute : TheoryAttribute
{
    public WideTheoryAttribute() => Skip = new WideFactAttribute().Skip;
}
