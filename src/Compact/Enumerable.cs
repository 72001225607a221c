namespace System.Linq;

/// <summary>
/// The operators of System.Linq that these programs and their packages use, in little code; programs compiled ahead of time are built with it. There
/// every operator of System.Linq is compiled for every pair of types, because its iterators have virtual generic methods: 46,000 methods, 15 of
/// 22 MB of the console program. Same signatures, and the same results in the same order; lazy where System.Linq is. An operator that is missing here
/// is an error of the native compiler.
/// </summary>
public static partial class Enumerable
{
    public static IEnumerable<T> Empty<T>() => [];

    public static IEnumerable<T> AsEnumerable<T>(this IEnumerable<T> source) => source;

    public static IEnumerable<int> Range(int start, int count)
    {
        for (int i = 0; i < count; i++)
            yield return start + i;
    }

    public static IEnumerable<T> Repeat<T>(T value, int count)
    {
        for (int i = 0; i < count; i++)
            yield return value;
    }

    public static IEnumerable<R> Select<T, R>(this IEnumerable<T> source, Func<T, R> of)
    {
        foreach (T item in source)
            yield return of(item);
    }

    public static IEnumerable<R> Select<T, R>(this IEnumerable<T> source, Func<T, int, R> of)
    {
        int index = 0;
        foreach (T item in source)
            yield return of(item, index++);
    }

    public static IEnumerable<T> Where<T>(this IEnumerable<T> source, Func<T, bool> keep)
    {
        foreach (T item in source)
        {
            if (keep(item))
                yield return item;
        }
    }

    public static IEnumerable<T> Where<T>(this IEnumerable<T> source, Func<T, int, bool> keep)
    {
        int index = 0;
        foreach (T item in source)
        {
            if (keep(item, index++))
                yield return item;
        }
    }

    public static IEnumerable<R> SelectMany<T, R>(this IEnumerable<T> source, Func<T, IEnumerable<R>> of)
    {
        foreach (T item in source)
        {
            foreach (R inner in of(item))
                yield return inner;
        }
    }

    public static IEnumerable<R> SelectMany<T, R>(this IEnumerable<T> source, Func<T, int, IEnumerable<R>> of) => source.Select(of).SelectMany(inner => inner);

    public static IEnumerable<R> SelectMany<T, C, R>(this IEnumerable<T> source, Func<T, IEnumerable<C>> of, Func<T, C, R> join)
    {
        foreach (T item in source)
        {
            foreach (C inner in of(item))
                yield return join(item, inner);
        }
    }

    public static IEnumerable<T> Cast<T>(this System.Collections.IEnumerable source)
    {
        foreach (object? item in source)
            yield return (T)item!;
    }

    public static IEnumerable<T> OfType<T>(this System.Collections.IEnumerable source)
    {
        foreach (object? item in source)
        {
            if (item is T value)
                yield return value;
        }
    }

    public static IEnumerable<T> Concat<T>(this IEnumerable<T> source, IEnumerable<T> other)
    {
        foreach (T item in source)
            yield return item;
        foreach (T item in other)
            yield return item;
    }

    public static IEnumerable<T> Append<T>(this IEnumerable<T> source, T last) => source.Concat([last]);

    public static IEnumerable<T> Prepend<T>(this IEnumerable<T> source, T first) => Concat([first], source);

    public static IEnumerable<T> DefaultIfEmpty<T>(this IEnumerable<T> source, T value)
    {
        bool any = false;
        foreach (T item in source)
        {
            any = true;
            yield return item;
        }
        if (!any)
            yield return value;
    }

    public static IEnumerable<T> Take<T>(this IEnumerable<T> source, int count)
    {
        if (count <= 0)
            yield break;
        foreach (T item in source)
        {
            yield return item;
            if (--count == 0)
                yield break;
        }
    }

    public static IEnumerable<T> TakeWhile<T>(this IEnumerable<T> source, Func<T, bool> keep)
    {
        foreach (T item in source)
        {
            if (!keep(item))
                yield break;
            yield return item;
        }
    }

    public static IEnumerable<T> Skip<T>(this IEnumerable<T> source, int count)
    {
        foreach (T item in source)
        {
            if (count > 0)
                count--;
            else
                yield return item;
        }
    }

    public static IEnumerable<T> SkipWhile<T>(this IEnumerable<T> source, Func<T, bool> skip)
    {
        bool skipping = true;
        foreach (T item in source)
        {
            skipping = skipping && skip(item);
            if (!skipping)
                yield return item;
        }
    }

    public static IEnumerable<T> TakeLast<T>(this IEnumerable<T> source, int count)
    {
        List<T> items = source.ToList();
        for (int i = Math.Max(0, items.Count - Math.Max(0, count)); i < items.Count; i++)
            yield return items[i];
    }

    public static IEnumerable<T> SkipLast<T>(this IEnumerable<T> source, int count)
    {
        List<T> items = source.ToList();
        for (int i = 0; i < items.Count - Math.Max(0, count); i++)
            yield return items[i];
    }

    public static IEnumerable<T> Reverse<T>(this IEnumerable<T> source)
    {
        List<T> items = source.ToList();
        for (int i = items.Count - 1; i >= 0; i--)
            yield return items[i];
    }

    public static IEnumerable<(A First, B Second)> Zip<A, B>(this IEnumerable<A> first, IEnumerable<B> second) => first.Zip(second, (a, b) => (a, b));

    public static IEnumerable<R> Zip<A, B, R>(this IEnumerable<A> first, IEnumerable<B> second, Func<A, B, R> join)
    {
        using IEnumerator<A> a = first.GetEnumerator();
        using IEnumerator<B> b = second.GetEnumerator();
        while (a.MoveNext() && b.MoveNext())
            yield return join(a.Current, b.Current);
    }

    public static IEnumerable<T[]> Chunk<T>(this IEnumerable<T> source, int size)
    {
        var chunk = new List<T>(size);
        foreach (T item in source)
        {
            chunk.Add(item);
            if (chunk.Count < size)
                continue;
            yield return chunk.ToArray();
            chunk.Clear();
        }
        if (chunk.Count > 0)
            yield return chunk.ToArray();
    }
}
