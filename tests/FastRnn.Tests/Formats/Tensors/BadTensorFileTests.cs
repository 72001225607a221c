using System.Globalization;
using System.Text;
using FastRnn.Formats;
using FastRnn.Formats.Dialects;
using FastRnn.Formats.Tensors;
using FastRnn.Graphs;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Formats.Tensors;

/// <summary>Files of tensors that break a rule: what is said, and of which byte.</summary>
public sealed class BadTensorFileTests
{
    private const string Good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n";

    public static TheoryData<string, byte[], string, long> Cases { get; } = Create();

    [Theory]
    [MemberData(nameof(Cases))]
    public void Bad_files_are_refused(string name, byte[] bytes, string problem, long offset)
    {
        var error = Assert.Throws<ModelFormatException>(() => TensorFile.Read(bytes, name, null, ImportLimits.Default));
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
        Assert.True(offset == error.Offset, $"byte {error.Offset} instead of {offset}: {error.Message}");
        Assert.DoesNotContain('\n', error.Message);
    }

    /// <summary>A part of a file is refused, or it is a whole file of its own: rows of CSV, numbers that end early.</summary>
    [Theory]
    [InlineData("npy")]
    [InlineData("pb")]
    [InlineData("json")]
    [InlineData("csv")]
    public void Every_beginning_of_a_file_is_refused_or_complete(string kind)
    {
        string path = Path.Combine(Path.GetTempPath(), Guid.NewGuid() + "." + kind);
        TensorFile.Write(path, new("name", GraphTensor.Of<float>([1.5f, -2.25f, 3, 4, 5, 6e-7f], 2, 3)));
        byte[] whole = File.ReadAllBytes(path);
        File.Delete(path);
        for (int length = 0; length < whole.Length; length++)
        {
            try
            {
                GraphTensor read = TensorFile.Read(whole[..length], path, null, ImportLimits.Default).Value;
                Assert.True(kind == "csv" || (kind == "pb" && read.Length == 0), $"{length} of {whole.Length} bytes were taken for a whole {kind} file");
                string[] fields = kind == "csv" ? Encoding.ASCII.GetString(whole, 0, length).Split([',', '\n'], StringSplitOptions.RemoveEmptyEntries) : [];
                Assert.Equal(fields.Select(field => float.Parse(field, CultureInfo.InvariantCulture)), read.Values<float>().ToArray());
            }
            catch (ModelFormatException e)
            {
                Assert.InRange(e.Offset, 0, length);
            }
        }
    }

    [Fact]
    public void Bombs_are_refused_at_once()
    {
        string deep = new('[', 100_000), many = "[" + string.Join(',', Enumerable.Repeat("[]", 1000)) + ",0]";
        foreach ((string name, byte[] bytes) in new (string, byte[])[]
        {
            ("x.npy", Npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2147483647, 2147483647), }\n", 8)),
            ("x.npy", Npy("{'descr': '<f4', 'fortran_order': True, 'shape': (65536, 65536, 65536, 65536), }\n", 8)),
            ("x.npy", Npy("{'descr': '<f4', 'fortran_order': False, 'shape': (500000000,), }\n", 8)),
            ("x.pb", [0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0x07, 0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0x07, 0x10, 0x01]),
            ("x.json", Encoding.ASCII.GetBytes(deep)), ("x.json", Encoding.ASCII.GetBytes(many)),
            ("x.json", Encoding.ASCII.GetBytes("""{"shape":[2147483647,2147483647],"values":[1]}""")),
            ("x.json", Encoding.ASCII.GetBytes("""{"a":""" + deep)), ("x.csv", Encoding.ASCII.GetBytes(new string('\n', 1_000_000))),
        })
        {
            Refusal.AtOnce(() => TensorFile.Read(bytes, name, null, ImportLimits.Default), mostBytes: 8 << 20);
        }
    }

    private static byte[] Npy(string header, int dataBytes, byte major = 1)
    {
        byte[] length = major == 1 ? BitConverter.GetBytes((ushort)header.Length) : BitConverter.GetBytes(header.Length);
        return [0x93, .. "NUMPY"u8, major, 0, .. length, .. Encoding.UTF8.GetBytes(header), .. new byte[dataBytes]];
    }

    private static TheoryData<string, byte[], string, long> Create()
    {
        var cases = new TheoryData<string, byte[], string, long>();
        AddNpy(cases);
        AddProto(cases);
        foreach ((string text, string problem, long offset) in new (string, string, long)[]
        {
            ("", "there are no numbers", 0), ("\n\n", "there are no numbers", 0), ("a", "row 1, column 1: 'a' is no float32", 0),
            ("1,2\n3", "row 2 has 1 columns, the first has 2", 4), ("1\n2,3\n", "row 2 has 2 columns, the first has 1", 2), ("1,,2", "row 1, column 2: '' is no float32", 2),
            ("1,2,", "row 1, column 3: '' is no float32", 4), ("1;2", "row 1, column 1: '1;2' is no float32", 0), ("x,y\n1,2\n", "row 1, column 1: 'x' is no float32", 0),
            ("1\n\n2\n", "row 2 is empty", 2), ("1e999", "'1e999' is no float32", 0), ("1,1e39", "'1e39' is no float32", 2), ("0x10", "'0x10' is no float32", 0), ("1,000.5,\u00e9", "'\\u00e9' is no float32", 8),
            ("--1", "'--1' is no float32", 0), ("1 2", "'1 2' is no float32", 0), ("1\u0000", "'1\\u0000' is no float32", 0),
        })
        {
            cases.Add("x.csv", Encoding.UTF8.GetBytes(text), problem, offset);
        }
        foreach ((string text, string problem, long offset) in new (string, string, long)[]
        {
            ("", "input does not contain any JSON tokens", 0), ("nul", "'nul' is an invalid", 0), ("null", "'null' is no float32", 0), ("true", "'true' is no float32", 0), ("\"a\"", "'a' is no float32", 0),
            ("\"1\"", "'1' is no float32", 0), ("[1,2", "'2' is an invalid end", 4), ("[1,]", "array", 3), ("[1] 2", "after", 4), ("[1,[2]]", "a list stands where a number is expected", 3),
            ("[[1],2]", "a number stands where a list is expected", 5), ("[[1,2],[3]]", "a list has 1 items, one before it has 2", 9), ("[[],[[]]]", "a list has 1 items, one before it has 0", 7),
            ("[[[[[[[[[1]]]]]]]]]", "more than the limit of 8 dimensions", 8), ("[1,1e999]", "'1e999' is no float32", 3), ("[{}]", "'{' is no float32", 1), ("[1,null]", "'null' is no float32", 3),
            ("{}", "there are no values", 1), ("{\"values\":[1],\"values\":[1]}", "values appears twice", 14), ("{\"value\":[1]}", "'value' is none of name, type, shape and values", 9),
            ("{\"values\":[1,2],\"shape\":[3]}", "2 values do not fill [3]", 27), ("{\"shape\":[-1],\"values\":[1]}", "a size is negative", 12), ("{\"shape\":3,\"values\":[1]}", "a shape is a list of at most 8 sizes", 9),
            ("{\"shape\":[1.5],\"values\":[1]}", "'1.5' is no int32", 10), ("{\"type\":\"float16\",\"values\":[1]}", "'float16' is no type of elements", 8), ("{\"type\":1,\"values\":[1]}", "a text is expected", 8),
            ("{\"values\":[1],\"type\":\"int64\"}", "type stands behind the values", 14), ("{\"type\":\"int64\",\"values\":[1.5]}", "'1.5' is no int64", 26), ("{\"type\":\"bool\",\"values\":[2]}", "'2' is no bool", 25),
            ("{\"type\":\"int64\",\"values\":[9223372036854775808]}", "'9223372036854775808' is no int64", 26), ("{\"values\":[1]", "depth to be zero", 13), ("[\"\\u004eaN\"]", "is no float32", 1),
        })
        {
            cases.Add("x.json", Encoding.UTF8.GetBytes(text), problem, offset);
        }
        return cases;
    }

    private static void AddNpy(TheoryData<string, byte[], string, long> cases)
    {
        byte[] good = Npy(Good, 8);
        cases.Add("x.npy", [], "does not begin with", 0);
        cases.Add("x.npy", "\u0093NUMPX"u8.ToArray(), "does not begin with", 0);
        cases.Add("x.npy", good[..6], "version 0 of the format is not known", 6);
        cases.Add("x.npy", good[..9], "ends within its header's length", 9);
        cases.Add("x.npy", [.. good[..6], 4, .. good[7..]], "version 4 of the format is not known", 6);
        cases.Add("x.npy", good[..40], "the header has 58 bytes, 30 are left", 8);
        cases.Add("x.npy", good[..^1], "has 7 bytes of data, [2] of float needs 8", 68);
        cases.Add("x.npy", [.. good, 0], "has 9 bytes of data, [2] of float needs 8", 68);
        cases.Add("x.npy", Npy(new string(' ', 70_000), 0, 2), "the header has 70000 bytes, more than the limit of 65536", 12);
        foreach ((string header, string problem, long offset) in new (string, string, long)[]
        {
            ("", "the header has no '{' here", 0), ("{", "the header has no text here", 1), ("{}", "lacks descr, fortran_order or shape", 0), ("{'descr'}", "the header has no ':' here", 8),
            ("{'descr': '<f4'}", "lacks descr, fortran_order or shape", 0), ("{'descr': <f4}", "the header has no text here", 10), ("{'descr': '<f4", "the header has a text without an end", 10),
            ("{'a': 1}", "the header has 'a', which is not known", 1), ("{'descr': '<f4', 'descr': '<f4'}", "the header has descr twice", 17), ("{'de\\x73cr': '<f4'}", "a text with escapes", 1),
            ("{'descr': '>f4'", "big-endian, little-endian is expected", 1), ("{'descr': '|O'", "elements of the type '|O' are not supported", 1), ("{'descr': '<c8'", "elements of the type '<c8' are not supported", 1),
            ("{'descr': '<u8'", "elements of the type '<u8' are not supported", 1), ("{'descr': [('a', '<f4')]", "the header has no text here", 10), ("{'fortran_order': 1", "neither True nor False", 18),
            ("{'shape': 3", "the header has no '(' here", 10), ("{'shape': (-1,)", "the header has no size here", 11), ("{'shape': (2147483648,)", "the header has no size here", 11), ("{'shape': (1, 2 3", "the header has no ')' here", 16),
            ("{'shape': (1,1,1,1,1,1,1,1,1)", "more than the limit of 8 dimensions", 27), (Good + "x", "the header goes on behind its end", Good.Length), ("{'shape': (1.5,)", "the header has no ')' here", 12),
        })
        {
            cases.Add("x.npy", Npy(header, 8), problem, 10 + offset);
        }
        cases.Add("x.npy", [.. Npy("{'descr': '|b1', 'fortran_order': False, 'shape': (2,), }\n", 0), 1, 2], "has a bool that is 2", 68);
    }

    private static void AddProto(TheoryData<string, byte[], string, long> cases)
    {
        foreach ((byte[] bytes, string problem, long offset) in new (byte[], string, long)[]
        {
            ([0x08], "a number is cut off", 0), ([0x08, 0x02], "has elements of type undefined", 0), ([0x08, 0x02, 0x10, 0x08], "has elements of type string", 0), ([0x08, 0x02, 0x10, 0x0E], "has elements of type complex64", 0),
            ([0x08, 0x02, 0x10, 0x01], "has 0 elements of data, [2] needs 2", 0), ([0x08, 0x01, 0x10, 0x01, 0x4A, 0x03, 0, 0, 0], "has 3 bytes of data, [1] of float needs 4", 0),
            ([0x08, 0x01, 0x10, 0x01, 0x4A, 0x09, 0, 0, 0], "field 9 has 9 bytes, 3 are left", 4), ([0x10, 0x01, 0x10, 0x01], "data_type comes twice", 2), ([0x0B], "wire type 3", 0),
            ([0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01, 0x10, 0x01], "has a size of -1", 0), ([0x08, 0x01, 0x10, 0x01, 0x70, 0x01], "has its data in another file, but names none", 0), ([0x42, 0x01, 0xFF], "is not UTF-8", 0),
        })
        {
            cases.Add("x.pb", bytes, problem, offset);
        }
    }
}
