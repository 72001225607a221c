using System.Collections;

namespace System.Linq;

public interface IOrderedEnumerable<out T> : IEnumerable<T>;

public interface IGrouping<out K, out T> : IEnumerable<T>
{
    K Key { get; }
}

public interface ILookup<K, T> : IEnumerable<IGrouping<K, T>>
{
    int Count { get; }

    IEnumerable<T> this[K key] { get; }

    bool Contains(K key);
}
