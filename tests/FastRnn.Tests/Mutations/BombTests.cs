using FastRnn.Mutations.Formats;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Mutations;

/// <summary>Small files that ask for much: refused before anything of the size is allocated.</summary>
public sealed class BombTests
{
    public static TheoryData<string, string> Bombs()
    {
        var bombs = new TheoryData<string, string>();
        foreach (FileFormat format in FileFormats.All())
        {
            foreach ((string name, _) in format.Bombs())
                bombs.Add(format.Name, name);
        }
        return bombs;
    }

    [Theory]
    [MemberData(nameof(Bombs))]
    public void Bomb_is_refused_quickly_and_modestly(string format, string bomb)
    {
        FileFormat reader = FileFormats.Find(format);
        reader.HasDefaultLimits = true;
        byte[] file = reader.Bombs().First(other => other.Name == bomb).File;
        Refusal.AtOnce(() => reader.Read(file));
    }

    /// <summary>Every format names its own, so that none is forgotten.</summary>
    [Fact]
    public void Every_format_has_bombs() => Assert.All(FileFormats.All(), format => Assert.True(format.Bombs().Count() >= 5, format.Name));
}
