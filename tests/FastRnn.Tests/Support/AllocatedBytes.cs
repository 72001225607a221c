using Xunit;

namespace FastRnn.Tests.Support;

/// <summary>Counts the managed bytes of the whole process, so its tests run while no other does.</summary>
[CollectionDefinition(Alone, DisableParallelization = true)]
public class AllocatedBytes
{
    public const string Alone = "allocations, alone";

    /// <summary>Fails when every one of a few runs allocates; once is not enough, for the test runner's own threads allocate now and then, so an action is to be short.</summary>
    public static void None(Action action)
    {
        ArgumentNullException.ThrowIfNull(action);
        action();
        long least = long.MaxValue;
        for (int attempt = 0; attempt < 25 && least > 0; attempt++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            action();
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }
        Assert.Equal(0, least);
    }
}
