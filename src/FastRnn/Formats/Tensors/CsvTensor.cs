using System.Text;
using FastRnn.Formats.Dialects;
using FastRnn.Graphs;

namespace FastRnn.Formats.Tensors;

/// <summary>Rows of numbers with commas between them, no header: always [rows, columns].</summary>
internal static class CsvTensor
{
    /// <exception cref="ModelFormatException">A field is no number, or a row is longer or shorter than the first.</exception>
    public static GraphTensor Read(byte[] bytes, string? path, ElementType type, ImportLimits limits)
    {
        var elements = new TensorText(type, limits);
        int rows = 0, columns = 0, at = bytes.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? Encoding.UTF8.Preamble.Length : 0;
        while (at < bytes.Length)
        {
            int length = bytes.AsSpan(at).IndexOf((byte)'\n');
            ReadOnlySpan<byte> line = bytes.AsSpan(at, length < 0 ? bytes.Length - at : length).TrimEnd((byte)'\r');
            if (line.Trim((byte)' ').Length > 0)
            {
                int fields = Row(line, elements, rows, at, path);
                columns = rows == 0 ? fields : columns;
                if (fields != columns)
                    throw new ModelFormatException($"row {rows + 1} has {fields} columns, the first has {columns}", at, path);
                rows++;
            }
            else
            {
                // One look at the rest: it is empty, too, or the file is refused.
                if (bytes.AsSpan(at).IndexOfAnyExcept((byte)'\n', (byte)'\r', (byte)' ') >= 0)
                    throw new ModelFormatException($"row {rows + 1} is empty", at, path);
                break;
            }
            at = length < 0 ? bytes.Length : at + length + 1;
        }
        return rows > 0 ? elements.Tensor([rows, columns]) : throw new ModelFormatException("there are no numbers", 0, path);
    }

    public static byte[] Write(GraphTensor tensor)
    {
        int columns = tensor.Shape.Length == 0 ? 1 : Math.Max(1, tensor.Shape[^1]);
        var text = new StringBuilder();
        for (int i = 0; i < tensor.Length; i++)
            text.Append(TensorText.Write(tensor, i)).Append((i + 1) % columns == 0 ? '\n' : ',');
        return Encoding.ASCII.GetBytes(text.ToString());
    }

    private static int Row(ReadOnlySpan<byte> line, TensorText elements, int row, int offset, string? path)
    {
        for (int column = 1, at = 0; ; column++)
        {
            int length = line[at..].IndexOf((byte)',');
            ReadOnlySpan<byte> field = line.Slice(at, length < 0 ? line.Length - at : length).Trim((byte)' ');
            if (elements.IsFull)
                throw new ModelFormatException("there are more numbers than the limit allows", offset + at, path);
            if (!elements.Add(field))
            {
                string shown = ModelFormatException.Quote(Encoding.UTF8.GetString(field[..Math.Min(field.Length, 200)]));
                throw new ModelFormatException($"row {row + 1}, column {column}: {shown} is no {elements.Type.Name()}", offset + at, path);
            }
            if (length < 0)
                return column;
            at += length + 1;
        }
    }
}
