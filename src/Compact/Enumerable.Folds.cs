using System.Numerics;

namespace FastRnn;

/// <summary>One value of many.</summary>
internal static partial class Enumerable
{
    public static bool Any<T>(this IEnumerable<T> source)
    {
        using IEnumerator<T> items = source.GetEnumerator();
        return items.MoveNext();
    }

    public static bool Any<T>(this IEnumerable<T> source, Func<T, bool> holds)
    {
        foreach (T item in source)
        {
            if (holds(item))
                return true;
        }
        return false;
    }

    public static bool All<T>(this IEnumerable<T> source, Func<T, bool> holds) => !source.Any(item => !holds(item));

    public static bool Contains<T>(this IEnumerable<T> source, T value, IEqualityComparer<T>? comparer = null)
    {
        comparer ??= EqualityComparer<T>.Default;
        foreach (T item in source)
        {
            if (comparer.Equals(item, value))
                return true;
        }
        return false;
    }

    public static int Count<T>(this IEnumerable<T> source) => source is ICollection<T> known ? known.Count : source.Count(_ => true);

    public static int Count<T>(this IEnumerable<T> source, Func<T, bool> counts)
    {
        int count = 0;
        foreach (T item in source)
        {
            if (counts(item))
                count++;
        }
        return count;
    }

    public static T? FirstOrDefault<T>(this IEnumerable<T> source)
    {
        foreach (T item in source)
            return item;
        return default;
    }

    public static T? FirstOrDefault<T>(this IEnumerable<T> source, Func<T, bool> holds) => source.Where(holds).FirstOrDefault();

    public static T First<T>(this IEnumerable<T> source)
    {
        foreach (T item in source)
            return item;
        throw NoElements();
    }

    public static T First<T>(this IEnumerable<T> source, Func<T, bool> holds) => source.Where(holds).First();

    public static T Last<T>(this IEnumerable<T> source) => source.Reverse().First();

    public static T Last<T>(this IEnumerable<T> source, Func<T, bool> holds) => source.Where(holds).Last();

    public static T? LastOrDefault<T>(this IEnumerable<T> source) => source.Reverse().FirstOrDefault();

    public static T? LastOrDefault<T>(this IEnumerable<T> source, Func<T, bool> holds) => source.Where(holds).LastOrDefault();

    public static T Single<T>(this IEnumerable<T> source)
    {
        List<T> two = source.Take(2).ToList();
        return two.Count == 1 ? two[0] : throw (two.Count == 0 ? NoElements() : new InvalidOperationException("the sequence has more than one element"));
    }

    public static T Single<T>(this IEnumerable<T> source, Func<T, bool> holds) => source.Where(holds).Single();

    public static T? SingleOrDefault<T>(this IEnumerable<T> source, Func<T, bool> holds)
    {
        List<T> found = source.Where(holds).Take(2).ToList();
        return found.Count == 0 ? default : found.Single();
    }

    public static bool SequenceEqual<T>(this IEnumerable<T> first, IEnumerable<T> second, IEqualityComparer<T>? comparer = null)
    {
        comparer ??= EqualityComparer<T>.Default;
        using IEnumerator<T> a = first.GetEnumerator();
        using IEnumerator<T> b = second.GetEnumerator();
        while (a.MoveNext())
        {
            if (!b.MoveNext() || !comparer.Equals(a.Current, b.Current))
                return false;
        }
        return !b.MoveNext();
    }

    public static S Aggregate<T, S>(this IEnumerable<T> source, S start, Func<S, T, S> next)
    {
        foreach (T item in source)
            start = next(start, item);
        return start;
    }

    public static T Aggregate<T>(this IEnumerable<T> source, Func<T, T, T> next)
    {
        bool any = false;
        T result = default!;
        foreach (T item in source)
            (result, any) = (any ? next(result, item) : item, true);
        return any ? result : throw NoElements();
    }

    public static T Sum<T>(this IEnumerable<T> source)
        where T : INumberBase<T> => source.Sum(item => item);

    /// <summary>In the order of the items; integers must not overflow, floats are summed as doubles.</summary>
    public static R Sum<T, R>(this IEnumerable<T> source, Func<T, R> of)
        where R : INumberBase<R>
    {
        if (typeof(R) == typeof(float))
        {
            double total = 0;
            foreach (T item in source)
                total += double.CreateChecked(of(item));
            return R.CreateChecked((float)total);
        }
        R sum = R.Zero;
        foreach (T item in source)
            sum = checked(sum + of(item));
        return sum;
    }

    public static double Average<T>(this IEnumerable<T> source)
        where T : INumberBase<T> => source.Average(item => item);

    public static double Average<T, R>(this IEnumerable<T> source, Func<T, R> of)
        where R : INumberBase<R>
    {
        double sum = 0;
        long count = 0;
        foreach (T item in source)
        {
            sum += double.CreateChecked(of(item)); // exact for integers below 2^53
            count++;
        }
        return count > 0 ? sum / count : throw NoElements();
    }

    public static T Min<T>(this IEnumerable<T> source) => source.MinBy(item => item) ?? throw NoElements();

    public static R Min<T, R>(this IEnumerable<T> source, Func<T, R> of) => source.Select(of).Min();

    public static T Max<T>(this IEnumerable<T> source) => source.MaxBy(item => item) ?? throw NoElements();

    public static R Max<T, R>(this IEnumerable<T> source, Func<T, R> of) => source.Select(of).Max();

    /// <summary>The first of the items with the least key; null of no items that may be null.</summary>
    public static T? MinBy<T, K>(this IEnumerable<T> source, Func<T, K> key) => source.Extreme(key, -1);

    /// <summary>The first of the items with the greatest key; null of no items that may be null.</summary>
    public static T? MaxBy<T, K>(this IEnumerable<T> source, Func<T, K> key) => source.Extreme(key, 1);

    private static T? Extreme<T, K>(this IEnumerable<T> source, Func<T, K> key, int sign)
    {
        bool any = false;
        T? best = default;
        K? bestKey = default;
        foreach (T item in source)
        {
            K one = key(item);
            if (!any || sign * Comparer<K>.Default.Compare(one, bestKey) > 0)
                (best, bestKey, any) = (item, one, true);
        }
        return any || default(T) is null ? best : throw NoElements();
    }

    private static InvalidOperationException NoElements() => new("the sequence has no elements");
}
