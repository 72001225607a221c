using FastRnn.Mutations.Formats;
using FastRnn.Mutations.Runs;
using Xunit;

namespace FastRnn.Tests.Mutations;

/// <summary>Files that were not written to their end: refused, or whole although bytes are missing, which then is the very same content.</summary>
public sealed class PrefixTests
{
    public static TheoryData<string> Formats() => MutationTests.Formats();

    [Theory]
    [MemberData(nameof(Formats))]
    public void Every_prefix_of_every_sample_is_refused_or_the_same(string name)
    {
        FileFormat format = FileFormats.Find(name);
        foreach (byte[] sample in format.Samples)
            CheckPrefixes(format, sample, name);
    }

    private static void CheckPrefixes(FileFormat format, byte[] sample, string name)
    {
        object content = format.Read(sample);
        byte[] whole = format.Fingerprint(content);
        (content as IDisposable)?.Dispose();
        for (int length = 0; length < sample.Length; length++)
        {
            Verdict verdict = Verdict.Of(format, sample[..length]);
            Assert.True(verdict.Harm == null, $"{name}, the first {length} of {sample.Length} bytes: {verdict.Harm}");
            if (!verdict.Accepted)
                continue;
            object part = format.Read(sample[..length]);
            Assert.True(format.Fingerprint(part).AsSpan().SequenceEqual(whole), $"{name}, the first {length} of {sample.Length} bytes are another model");
            (part as IDisposable)?.Dispose();
        }
    }
}
