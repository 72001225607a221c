using System.Globalization;

namespace FastRnn.Formats.Dialects.Keras;

/// <summary>
/// The version of Keras that wrote a file: what is left unsaid, and what some names mean, depends on it. Without a version it is 1, as Keras itself takes it.
/// </summary>
internal readonly record struct KerasVersion(int Major, int Minor, int Patch, bool InTensorFlow, string Text)
{
    /// <summary>Of <c>2.2.4</c>, <c>2.2.4-tf</c> or <c>3.15.0</c>; null for what is no version.</summary>
    public static KerasVersion? Parse(string? text)
    {
        if (text == null)
            return new(1, 0, 0, false, "1");
        string[] parts = text.Split('-', '+')[0].Split('.');
        var numbers = new int[3];
        for (int i = 0; i < Math.Min(3, parts.Length); i++)
        {
            string digits = new([.. parts[i].TakeWhile(char.IsAsciiDigit)]);
            if (!int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out numbers[i]) && i < 2)
                return null;
        }
        return numbers[0] is >= 1 and <= 3 ? new(numbers[0], numbers[1], numbers[2], text.EndsWith("-tf", StringComparison.Ordinal), text) : null;
    }

    /// <summary>x/6 + ½ since Keras 3, x/5 + ½ before.</summary>
    public bool HasSteepHardSigmoid => Major < 3;

    /// <summary>
    /// Whether gates are sigmoid where a file does not say: since 2.3. Null for 2.2.4-tf, by which TensorFlow 1 and 2 both call themselves and mean different layers.
    /// </summary>
    public bool? SigmoidGates => InTensorFlow && !AtLeast(2, 3) ? null : AtLeast(2, 3);

    /// <summary>Whether a GRU resets after the product where a file does not say: since TensorFlow's 2.4 and Keras 3, never in Keras up to 2.3.1.</summary>
    public bool? ResetAfter => InTensorFlow && !AtLeast(2, 3) ? null : AtLeast(2, 4) || (InTensorFlow && AtLeast(2, 3));

    private bool AtLeast(int major, int minor) => Major > major || (Major == major && Minor >= minor);
}
