using System.Numerics;

namespace System.Linq;

/// <summary>One value of many.</summary>
public static partial class Enumerable
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

    public static bool Contains<T>(this IEnumerable<T> source, T value) =>
        source is ICollection<T> known ? known.Contains(value) : source.Contains(value, null);

    public static bool Contains<T>(this IEnumerable<T> source, T value, IEqualityComparer<T>? comparer)
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

    public static T FirstOrDefault<T>(this IEnumerable<T> source, Func<T, bool> holds, T otherwise)
    {
        foreach (T item in source)
        {
            if (holds(item))
                return item;
        }
        return otherwise;
    }

    public static T? ElementAtOrDefault<T>(this IEnumerable<T> source, int index) => index < 0 ? default : source.Skip(index).FirstOrDefault();

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

    public static T LastOrDefault<T>(this IEnumerable<T> source, Func<T, bool> holds, T otherwise) => source.Reverse().FirstOrDefault(holds, otherwise);

    public static T Single<T>(this IEnumerable<T> source)
    {
        List<T> two = source.Take(2).ToList();
        return two.Count == 1 ? two[0] : throw (two.Count == 0 ? NoElements() : new InvalidOperationException("the sequence has more than one element"));
    }

    public static T Single<T>(this IEnumerable<T> source, Func<T, bool> holds) => source.Where(holds).Single();

    public static T? SingleOrDefault<T>(this IEnumerable<T> source)
    {
        List<T> found = source.Take(2).ToList();
        return found.Count == 0 ? default : found.Single();
    }

    public static T? SingleOrDefault<T>(this IEnumerable<T> source, Func<T, bool> holds) => source.Where(holds).SingleOrDefault();

    public static bool SequenceEqual<T>(this IEnumerable<T> first, IEnumerable<T> second)
    {
        using IEnumerator<T> a = first.GetEnumerator();
        using IEnumerator<T> b = second.GetEnumerator();
        while (a.MoveNext())
        {
            if (!b.MoveNext() || !EqualityComparer<T>.Default.Equals(a.Current, b.Current))
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

    public static double Sum(this IEnumerable<double> source) => source.Total(item => item);

    public static long Sum(this IEnumerable<long> source) => source.Total(item => item);

    public static int Sum<T>(this IEnumerable<T> source, Func<T, int> of) => source.Total(of);

    public static long Sum<T>(this IEnumerable<T> source, Func<T, long> of) => source.Total(of);

    public static double Sum<T>(this IEnumerable<T> source, Func<T, double> of) => source.Total(of);

    /// <summary>In the order of the items; integers must not overflow.</summary>
    private static R Total<T, R>(this IEnumerable<T> source, Func<T, R> of)
        where R : INumberBase<R>
    {
        R sum = R.Zero;
        foreach (T item in source)
            sum = checked(sum + of(item));
        return sum;
    }

    public static double Average(this IEnumerable<double> source)
    {
        double sum = 0;
        long count = 0;
        foreach (double item in source)
        {
            sum += item;
            count++;
        }
        return count > 0 ? sum / count : throw NoElements();
    }

    public static double Average<T>(this IEnumerable<T> source, Func<T, double> of) => source.Select(of).Average();

    public static int Min(this IEnumerable<int> source) => source.Extreme(-1);

    public static double Min(this IEnumerable<double> source) => source.Extreme(-1);

    public static double? Min(this IEnumerable<double?> source) => source.Extreme(-1);

    public static int Min<T>(this IEnumerable<T> source, Func<T, int> of) => source.Select(of).Extreme(-1);

    public static double Min<T>(this IEnumerable<T> source, Func<T, double> of) => source.Select(of).Extreme(-1);

    public static double? Min<T>(this IEnumerable<T> source, Func<T, double?> of) => source.Select(of).Extreme(-1);

    public static R? Min<T, R>(this IEnumerable<T> source, Func<T, R> of) => source.Select(of).Extreme(-1);

    public static int Max(this IEnumerable<int> source) => source.Extreme(1);

    public static long Max(this IEnumerable<long> source) => source.Extreme(1);

    public static double Max(this IEnumerable<double> source) => source.Extreme(1);

    public static int Max<T>(this IEnumerable<T> source, Func<T, int> of) => source.Select(of).Extreme(1);

    public static long Max<T>(this IEnumerable<T> source, Func<T, long> of) => source.Select(of).Extreme(1);

    public static double Max<T>(this IEnumerable<T> source, Func<T, double> of) => source.Select(of).Extreme(1);

    public static R? Max<T, R>(this IEnumerable<T> source, Func<T, R> of) => source.Select(of).Extreme(1);

    public static T? MinBy<T, K>(this IEnumerable<T> source, Func<T, K> key) => source.Extreme(key, -1);

    public static T? MaxBy<T, K>(this IEnumerable<T> source, Func<T, K> key) => source.Extreme(key, 1);

    private static T? Extreme<T>(this IEnumerable<T> source, int sign) => source.Where(item => item is not null).Extreme(item => item, sign);

    /// <summary>
    /// The first of the items with the least or the greatest key that is not null; null of no items that may be null. NaN is less than all else.
    /// </summary>
    private static T? Extreme<T, K>(this IEnumerable<T> source, Func<T, K> key, int sign)
    {
        bool any = false;
        T? best = default;
        K? bestKey = default;
        foreach (T item in source)
        {
            K one = key(item);
            if (!any || (one is not null && (bestKey is null || sign * Comparer<K>.Default.Compare(one, bestKey) > 0)))
                (best, bestKey, any) = (item, one, true);
        }
        return any || default(T) is null ? best : throw NoElements();
    }

    private static InvalidOperationException NoElements() => new("the sequence has no elements");
}
