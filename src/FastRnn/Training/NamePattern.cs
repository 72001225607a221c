namespace FastRnn.Training;

/// <summary>Names with wildcards: <c>*</c> stands for any characters, none included; everything else for itself.</summary>
internal static class NamePattern
{
    public static bool Matches(ReadOnlySpan<char> pattern, ReadOnlySpan<char> name)
    {
        int star = pattern.IndexOf('*');
        if (star < 0)
            return pattern.SequenceEqual(name);
        if (!name.StartsWith(pattern[..star], StringComparison.Ordinal))
            return false;
        pattern = pattern[(star + 1)..];
        name = name[star..];
        // What lies between two stars may stand anywhere, and its first place leaves most for the rest.
        for (int next = pattern.IndexOf('*'); next >= 0; next = pattern.IndexOf('*'))
        {
            int found = name.IndexOf(pattern[..next], StringComparison.Ordinal);
            if (found < 0)
                return false;
            pattern = pattern[(next + 1)..];
            name = name[(found + next)..];
        }
        return name.EndsWith(pattern, StringComparison.Ordinal);
    }
}
