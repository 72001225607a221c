using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using FastRnn.Formats;
using FastRnn.Formats.Dialects;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Mutations;

/// <summary>SECURITY.md says what the code does.</summary>
public sealed partial class SecurityTextTests
{
    private static readonly string _text = File.ReadAllText(Path.Combine(Repository.Root, ".github", "SECURITY.md"));

    [Fact]
    public void Tables_show_every_limit_with_its_value()
    {
        var shown = Row().Matches(_text).Select(match => $"{match.Groups[1].Value} {match.Groups[2].Value.Replace(",", "", StringComparison.Ordinal)}").Order(StringComparer.Ordinal);
        var actual = Values(ImportLimits.Default).Concat(Values(SafetensorsLimits.Default)).Order(StringComparer.Ordinal);
        Assert.Equal(actual, shown);
    }

    [Fact]
    public void Command_is_that_of_the_project()
    {
        Assert.Contains("--project tests/Mutations -- all --count", _text, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(Repository.Root, "tests", "Mutations", "Mutations.csproj")));
    }

    private static IEnumerable<string> Values<T>(T limits)
        where T : notnull
    {
        const BindingFlags All = BindingFlags.Public | BindingFlags.DeclaredOnly | BindingFlags.Static | BindingFlags.Instance;
        string Line(string name, object? value) => string.Create(CultureInfo.InvariantCulture, $"{typeof(T).Name}.{name} {value}");

        foreach (FieldInfo field in typeof(T).GetFields(All).Where(field => field.IsLiteral))
            yield return Line(field.Name, field.GetRawConstantValue());
        foreach (PropertyInfo property in typeof(T).GetProperties(All).Where(property => property.PropertyType != typeof(T)))
            yield return Line(property.Name, property.GetValue(limits));
    }

    [GeneratedRegex(@"^\| `(\w+\.\w+)` \| ([\d,]+) \|", RegexOptions.Multiline)]
    private static partial Regex Row();
}
