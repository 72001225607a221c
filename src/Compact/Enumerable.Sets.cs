using System.Collections;

namespace System.Linq;

/// <summary>Sets, groups and order.</summary>
public static partial class Enumerable
{
    public static T[] ToArray<T>(this IEnumerable<T> source) => source.ToList().ToArray();

    public static List<T> ToList<T>(this IEnumerable<T> source) => new(source);

    public static Dictionary<K, T> ToDictionary<T, K>(this IEnumerable<T> source, Func<T, K> key)
        where K : notnull => source.ToDictionary(key, item => item, null);

    public static Dictionary<K, T> ToDictionary<T, K>(this IEnumerable<T> source, Func<T, K> key, IEqualityComparer<K>? comparer)
        where K : notnull => source.ToDictionary(key, item => item, comparer);

    public static Dictionary<K, V> ToDictionary<K, V>(this IEnumerable<KeyValuePair<K, V>> source)
        where K : notnull => source.ToDictionary(pair => pair.Key, pair => pair.Value, null);

    public static Dictionary<K, V> ToDictionary<T, K, V>(this IEnumerable<T> source, Func<T, K> key, Func<T, V> value)
        where K : notnull => source.ToDictionary(key, value, null);

    public static Dictionary<K, V> ToDictionary<T, K, V>(this IEnumerable<T> source, Func<T, K> key, Func<T, V> value, IEqualityComparer<K>? comparer)
        where K : notnull
    {
        var result = new Dictionary<K, V>(comparer);
        foreach (T item in source)
            result.Add(key(item), value(item));
        return result;
    }

    public static HashSet<T> ToHashSet<T>(this IEnumerable<T> source) => source.ToHashSet(null);

    public static HashSet<T> ToHashSet<T>(this IEnumerable<T> source, IEqualityComparer<T>? comparer) => new(source, comparer);

    public static IEnumerable<T> Distinct<T>(this IEnumerable<T> source) => source.Distinct(null);

    public static IEnumerable<T> Distinct<T>(this IEnumerable<T> source, IEqualityComparer<T>? comparer)
    {
        var seen = new HashSet<T>(comparer);
        foreach (T item in source)
        {
            if (seen.Add(item))
                yield return item;
        }
    }

    public static IEnumerable<T> DistinctBy<T, K>(this IEnumerable<T> source, Func<T, K> key)
    {
        var seen = new HashSet<K>();
        foreach (T item in source)
        {
            if (seen.Add(key(item)))
                yield return item;
        }
    }

    public static IEnumerable<T> Union<T>(this IEnumerable<T> first, IEnumerable<T> second) => first.Concat(second).Distinct();

    public static IEnumerable<T> Except<T>(this IEnumerable<T> first, IEnumerable<T> second) => first.Except(second, null);

    public static IEnumerable<T> Except<T>(this IEnumerable<T> first, IEnumerable<T> second, IEqualityComparer<T>? comparer)
    {
        var seen = new HashSet<T>(second, comparer);
        foreach (T item in first)
        {
            if (seen.Add(item))
                yield return item;
        }
    }

    public static IEnumerable<KeyValuePair<K, int>> CountBy<T, K>(this IEnumerable<T> source, Func<T, K> key, IEqualityComparer<K>? comparer = null)
        where K : notnull
    {
        foreach (IGrouping<K, T> group in new Lookup<K, T>(source, key, comparer))
            yield return KeyValuePair.Create(group.Key, group.Count());
    }

    /// <summary>Groups in the order of their first items.</summary>
    public static IEnumerable<IGrouping<K, T>> GroupBy<T, K>(this IEnumerable<T> source, Func<T, K> key)
    {
        foreach (IGrouping<K, T> group in new Lookup<K, T>(source, key, null))
            yield return group;
    }

    public static ILookup<K, T> ToLookup<T, K>(this IEnumerable<T> source, Func<T, K> key) => new Lookup<K, T>(source, key, null);

    public static IOrderedEnumerable<T> Order<T>(this IEnumerable<T> source) => source.OrderBy(item => item, null);

    public static IOrderedEnumerable<T> Order<T>(this IEnumerable<T> source, IComparer<T>? comparer) => source.OrderBy(item => item, comparer);

    public static IOrderedEnumerable<T> OrderBy<T, K>(this IEnumerable<T> source, Func<T, K> key) => source.OrderBy(key, null);

    public static IOrderedEnumerable<T> OrderBy<T, K>(this IEnumerable<T> source, Func<T, K> key, IComparer<K>? comparer) =>
        new Ordered<T>(source, By(key, comparer, 1));

    public static IOrderedEnumerable<T> OrderByDescending<T, K>(this IEnumerable<T> source, Func<T, K> key) => new Ordered<T>(source, By(key, null, -1));

    public static IOrderedEnumerable<T> ThenBy<T, K>(this IOrderedEnumerable<T> source, Func<T, K> key) => source.ThenBy(key, null);

    public static IOrderedEnumerable<T> ThenBy<T, K>(this IOrderedEnumerable<T> source, Func<T, K> key, IComparer<K>? comparer) =>
        ((Ordered<T>)source).Then(By(key, comparer, 1));

    public static IOrderedEnumerable<T> ThenByDescending<T, K>(this IOrderedEnumerable<T> source, Func<T, K> key) =>
        ((Ordered<T>)source).Then(By(key, null, -1));

    private static Comparison<T> By<T, K>(Func<T, K> key, IComparer<K>? comparer, int sign)
    {
        comparer ??= Comparer<K>.Default;
        return (a, b) => sign * Math.Sign(comparer.Compare(key(a), key(b)));
    }

    /// <summary>Items of one key.</summary>
    private sealed class Group<K, T>(K key) : List<T>, IGrouping<K, T>
    {
        public K Key => key;
    }

    /// <summary>Groups in the order of their first items.</summary>
    private sealed class Lookup<K, T> : ILookup<K, T>
    {
        private readonly List<Group<K, T>> _groups = [];
        private readonly Dictionary<Key<K>, Group<K, T>> _byKey;

        public Lookup(IEnumerable<T> source, Func<T, K> key, IEqualityComparer<K>? comparer)
        {
            _byKey = new Dictionary<Key<K>, Group<K, T>>(new KeyComparer<K>(comparer ?? EqualityComparer<K>.Default));
            foreach (T item in source)
            {
                K one = key(item);
                if (!_byKey.TryGetValue(new Key<K>(one), out Group<K, T>? group))
                {
                    _byKey.Add(new Key<K>(one), group = new Group<K, T>(one));
                    _groups.Add(group);
                }
                group.Add(item);
            }
        }

        public int Count => _groups.Count;

        public IEnumerable<T> this[K key] => _byKey.TryGetValue(new Key<K>(key), out Group<K, T>? group) ? group : [];

        public bool Contains(K key) => _byKey.ContainsKey(new Key<K>(key));

        public IEnumerator<IGrouping<K, T>> GetEnumerator() => _groups.GetEnumerator();

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }

    /// <summary>A key that may be null.</summary>
    private readonly struct Key<K>(K value)
    {
        public K Value => value;
    }

    private sealed class KeyComparer<K>(IEqualityComparer<K> inner) : IEqualityComparer<Key<K>>
    {
        public bool Equals(Key<K> x, Key<K> y) => inner.Equals(x.Value, y.Value);

        public int GetHashCode(Key<K> key) => key.Value is null ? 0 : inner.GetHashCode(key.Value);
    }

    /// <summary>Items in the order of comparisons, equals as they came.</summary>
    private sealed class Ordered<T>(IEnumerable<T> source, Comparison<T> first) : IOrderedEnumerable<T>
    {
        public Ordered<T> Then(Comparison<T> second) => new(source, (a, b) => first(a, b) is var order and not 0 ? order : second(a, b));

        public IEnumerator<T> GetEnumerator()
        {
            List<T> items = source.ToList();
            var places = new int[items.Count];
            for (int i = 0; i < places.Length; i++)
                places[i] = i;
            Array.Sort(places, (a, b) => first(items[a], items[b]) is var order and not 0 ? order : a.CompareTo(b));
            foreach (int place in places)
                yield return items[place];
        }

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
