namespace FastRnn.Mutations.Formats;

/// <summary>One kind of file: how good ones look, how they are made bad, and what reading and using one means.</summary>
internal abstract class FileFormat
{
    private IReadOnlyList<byte[]>? _samples;

    /// <summary>As the command takes it, and as its folder of the corpus is called.</summary>
    public abstract string Name { get; }

    /// <summary>With its point.</summary>
    public abstract string Extension { get; }

    /// <summary>Reads with the limits that are there by themselves, instead of lower ones in which everything can be run.</summary>
    public bool HasDefaultLimits { get; set; }

    /// <summary>Whether a file that was cut short can be told from a whole one.</summary>
    public virtual bool TellsItsEnd => true;

    /// <summary>Good files, small and all different.</summary>
    public IReadOnlyList<byte[]> Samples => _samples ??= CreateSamples();

    protected abstract IReadOnlyList<byte[]> CreateSamples();

    /// <summary>A changed sample.</summary>
    public byte[] Mutant(Random random)
    {
        byte[] sample = Samples[random.Next(Samples.Count)], other = Samples[random.Next(Samples.Count)];
        return Change(sample, other, random);
    }

    /// <summary>One to three changes of a sample, some of which know the format.</summary>
    protected abstract byte[] Change(byte[] sample, byte[] other, Random random);

    /// <summary>Reads a file; whatever is thrown must be documented.</summary>
    public abstract object Read(byte[] file);

    /// <summary>Uses what was read in every way that there is; nothing may be thrown.</summary>
    /// <exception cref="InvalidDataException">It works, and does not do what it promises.</exception>
    public abstract void Use(object content);

    /// <summary>All that two readings of the same content agree in.</summary>
    public abstract byte[] Fingerprint(object content);

    /// <summary>Files that are small and ask for much.</summary>
    public abstract IEnumerable<(string Name, byte[] File)> Bombs();
}
