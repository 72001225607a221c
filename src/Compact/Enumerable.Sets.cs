using System.Collections;

namespace FastRnn;

/// <summary>Sets, groups and order.</summary>
internal static partial class Enumerable
{
    public static T[] ToArray<T>(this IEnumerable<T> source) => source.ToList().ToArray();

    public static List<T> ToList<T>(this IEnumerable<T> source) => new(source);

    public static HashSet<T> ToHashSet<T>(this IEnumerable<T> source, IEqualityComparer<T>? comparer = null) => new(source, comparer);

    public static Dictionary<K, T> ToDictionary<T, K>(this IEnumerable<T> source, Func<T, K> key, IEqualityComparer<K>? comparer = null)
        where K : notnull => source.ToDictionary(key, item => item, comparer);

    public static Dictionary<K, V> ToDictionary<T, K, V>(this IEnumerable<T> source, Func<T, K> key, Func<T, V> value, IEqualityComparer<K>? comparer = null)
        where K : notnull
    {
        var result = new Dictionary<K, V>(comparer);
        foreach (T item in source)
            result.Add(key(item), value(item));
        return result;
    }

    public static Dictionary<K, V> ToDictionary<K, V>(this IEnumerable<KeyValuePair<K, V>> source, IEqualityComparer<K>? comparer = null)
        where K : notnull => source.ToDictionary(pair => pair.Key, pair => pair.Value, comparer);

    public static IEnumerable<T> Distinct<T>(this IEnumerable<T> source, IEqualityComparer<T>? comparer = null) => source.DistinctBy(item => item, comparer);

    public static IEnumerable<T> DistinctBy<T, K>(this IEnumerable<T> source, Func<T, K> key, IEqualityComparer<K>? comparer = null)
    {
        var seen = new HashSet<K>(comparer);
        foreach (T item in source)
        {
            if (seen.Add(key(item)))
                yield return item;
        }
    }

    public static IEnumerable<T> Union<T>(this IEnumerable<T> first, IEnumerable<T> second) => first.Concat(second).Distinct();

    public static IEnumerable<T> Except<T>(this IEnumerable<T> first, IEnumerable<T> second, IEqualityComparer<T>? comparer = null)
    {
        var seen = new HashSet<T>(second, comparer);
        foreach (T item in first)
        {
            if (seen.Add(item))
                yield return item;
        }
    }

    public static IEnumerable<T> Intersect<T>(this IEnumerable<T> first, IEnumerable<T> second)
    {
        var left = new HashSet<T>(second);
        foreach (T item in first)
        {
            if (left.Remove(item))
                yield return item;
        }
    }

    public static IEnumerable<KeyValuePair<K, int>> CountBy<T, K>(this IEnumerable<T> source, Func<T, K> key)
        where K : notnull => source.GroupBy(key).Select(group => KeyValuePair.Create(group.Key, group.Count()));

    public static IEnumerable<IGrouping<K, T>> GroupBy<T, K>(this IEnumerable<T> source, Func<T, K> key)
        where K : notnull => source.GroupBy(key, item => item);

    /// <summary>Groups in the order of their first items.</summary>
    public static IEnumerable<IGrouping<K, V>> GroupBy<T, K, V>(this IEnumerable<T> source, Func<T, K> key, Func<T, V> value)
        where K : notnull
    {
        var groups = new Dictionary<K, Group<K, V>>();
        var order = new List<Group<K, V>>();
        foreach (T item in source)
        {
            K one = key(item);
            if (!groups.TryGetValue(one, out Group<K, V>? group))
            {
                groups.Add(one, group = new Group<K, V>(one));
                order.Add(group);
            }
            group.Add(value(item));
        }
        foreach (Group<K, V> group in order)
            yield return group;
    }

    public static Ordered<T> Order<T>(this IEnumerable<T> source, IComparer<T>? comparer = null) => source.OrderBy(item => item, comparer);

    public static Ordered<T> OrderDescending<T>(this IEnumerable<T> source) => source.OrderByDescending(item => item);

    public static Ordered<T> OrderBy<T, K>(this IEnumerable<T> source, Func<T, K> key, IComparer<K>? comparer = null) => new(source, By(key, comparer, 1));

    public static Ordered<T> OrderByDescending<T, K>(this IEnumerable<T> source, Func<T, K> key, IComparer<K>? comparer = null) =>
        new(source, By(key, comparer, -1));

    public static Ordered<T> ThenBy<T, K>(this Ordered<T> source, Func<T, K> key, IComparer<K>? comparer = null) => source.Then(By(key, comparer, 1));

    public static Ordered<T> ThenByDescending<T, K>(this Ordered<T> source, Func<T, K> key, IComparer<K>? comparer = null) =>
        source.Then(By(key, comparer, -1));

    private static Comparison<T> By<T, K>(Func<T, K> key, IComparer<K>? comparer, int sign)
    {
        comparer ??= Comparer<K>.Default;
        return (a, b) => sign * Math.Sign(comparer.Compare(key(a), key(b)));
    }

    /// <summary>Items of one key.</summary>
    internal sealed class Group<K, T>(K key) : List<T>, IGrouping<K, T>
    {
        public K Key => key;
    }

    /// <summary>Items in the order of comparisons, equals as they came.</summary>
    internal sealed class Ordered<T>(IEnumerable<T> source, Comparison<T> first) : IEnumerable<T>
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
