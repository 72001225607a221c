namespace FastRnn.Formats.Dialects.Keras.Hdf5;

/// <summary>A group or a data set.</summary>
internal sealed class HdfObject
{
    private readonly List<HdfMessage> _messages;
    private Dictionary<string, long>? _links;

    public HdfObject(HdfFile file, long address)
    {
        (File, Address) = (file, address);
        _messages = HdfHeader.Read(file, address);
    }

    public HdfFile File { get; }

    /// <summary>Of the header.</summary>
    public long Address { get; }

    public bool IsDataSet => Message(HdfMessageKind.Layout) != null;

    /// <summary>Names in a group and where their objects are; empty for a data set.</summary>
    public IReadOnlyDictionary<string, long> Links => _links ??= HdfLinks.Read(this);

    public IReadOnlyList<HdfMessage> Messages => _messages;

    /// <summary>The object of that name in this group, or null.</summary>
    public HdfObject? Child(string name) => Links.TryGetValue(name, out long address) ? new HdfObject(File, address) : null;

    /// <summary>The object at the end of names with slashes between them, or null.</summary>
    public HdfObject? Find(string path)
    {
        string[] names = path.Split('/');
        if (names.Length > File.Limits.Depth)
            throw File.Bytes.Error($"{ModelFormatException.Quote(path)} lies deeper than {File.Limits.Depth} groups", Address);
        HdfObject? found = this;
        foreach (string name in names)
            found = found?.Child(name);
        return found;
    }

    /// <summary>The message of a kind that comes once at most.</summary>
    public HdfMessage? Message(HdfMessageKind kind)
    {
        HdfMessage? found = null;
        foreach (HdfMessage message in _messages)
        {
            if (message.Kind != kind)
                continue;
            if (found != null)
                throw File.Bytes.Error($"the header has two messages of kind 0x{(int)kind:x}", message.Offset);
            found = message;
        }
        return found;
    }

    /// <summary>An attribute's texts, one for each of its elements, or null when there is no such attribute.</summary>
    public string[]? Texts(string attribute) => HdfAttribute.Find(this, attribute)?.Texts();

    /// <summary>An attribute of one text, or null when there is no such attribute.</summary>
    public string? Text(string attribute)
    {
        if (HdfAttribute.Find(this, attribute) is not { } found)
            return null;
        string[] texts = found.Texts();
        return texts.Length == 1 ? texts[0] : throw File.Bytes.Error($"attribute {ModelFormatException.Quote(attribute)} has {texts.Length} texts, not one", found.Offset);
    }

    /// <summary>Where an attribute lies, for messages; this object's own place when there is none.</summary>
    public long Place(string attribute) => HdfAttribute.Find(this, attribute)?.Offset ?? Address;
}
