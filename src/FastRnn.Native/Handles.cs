using System.Runtime.CompilerServices;

namespace FastRnn.Native;

/// <summary>Something that a handle names.</summary>
internal abstract class Handled
{
    /// <summary>The number that names it; 0 before it has been given one. It stays when the object leaves its table.</summary>
    public ulong Handle { get; set; }
}

/// <summary>
/// Objects by 64-bit numbers: place in a table (24 bits), kind (8 bits), generation of the place (32 bits). Generations start at a number drawn once a
/// process, so that numbers of other processes, or small ones, most likely name nothing; 2^32 objects later in one place a number comes again. Looking one up
/// takes no lock: the table only grows, by a copy, and a place is emptied before it is used again with the next generation.
/// </summary>
internal sealed class Handles<T>(byte kind)
    where T : Handled
{
    private const int MostPlaces = 1 << 24;

    private readonly Lock _gate = new();
    private readonly Stack<int> _free = [];
    private readonly uint _firstGeneration = (uint)Guid.NewGuid().GetHashCode();
    private T?[] _objects = new T?[16];
    private uint[] _generations = new uint[16];
    private int _used;

    /// <summary>The object, or null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T? Find(ulong handle)
    {
        T?[] objects = Volatile.Read(ref _objects);
        uint place = (uint)handle & (MostPlaces - 1);
        if (place >= (uint)objects.Length)
            return null;
        T? found = Volatile.Read(ref objects[place]);
        return found != null && found.Handle == handle ? found : null;
    }

    public ulong Add(T value)
    {
        lock (_gate)
        {
            if (!_free.TryPop(out int place))
                place = NewPlace();
            ulong generation = _firstGeneration + _generations[place]++;
            value.Handle = generation << 32 | (ulong)kind << 24 | (uint)place;
            Volatile.Write(ref _objects[place], value);
            return value.Handle;
        }
    }

    /// <summary>Takes the object out, or null: of two threads that try, one gets it.</summary>
    public T? Remove(ulong handle)
    {
        lock (_gate)
        {
            T? found = Find(handle);
            if (found == null)
                return null;
            int place = (int)handle & (MostPlaces - 1);
            Volatile.Write(ref _objects[place], null);
            _free.Push(place);
            return found;
        }
    }

    private int NewPlace()
    {
        if (_used == MostPlaces)
            throw new InsufficientMemoryException($"{MostPlaces} handles of this kind are in use");
        if (_used == _objects.Length)
        {
            T?[] larger = new T?[2 * _used];
            _objects.CopyTo(larger, 0);
            Array.Resize(ref _generations, larger.Length);
            Volatile.Write(ref _objects, larger);
        }
        return _used++;
    }
}
