using FastRnn.Mutations.Formats;
using FastRnn.Mutations.Runs;
using Xunit;

namespace FastRnn.Tests.Mutations;

/// <summary>Files that were not written to their end: refused, or whole although bytes are missing, which then is the very same content.</summary>
public sealed class PrefixTests
{
    public static TheoryData<string> Formats() => [.. FileFormats.All().Where(format => format.TellsItsEnd).Select(format => format.Name)];

    [Theory]
    [MemberData(nameof(Formats))]
    public void Every_prefix_of_every_sample_is_refused_or_the_same(string name)
    {
        FileFormat format = FileFormats.Find(name);
        foreach (byte[] sample in format.Samples)
            Assert.Null(Prefix.Problem(format, sample));
    }
}
