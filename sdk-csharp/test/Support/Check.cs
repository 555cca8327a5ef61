using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading.Tasks;

namespace TunRTC.Client.Tests.Support;

internal sealed class CheckFailedException(string message) : Exception(message);

/// <summary>What tests claim.</summary>
internal static class Check
{
    /// <summary>How long anything may take: a bound for a busy machine, not a measurement.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static void That(bool holds, string what)
    {
        if (!holds)
        {
            throw new CheckFailedException(what);
        }
    }

    public static void Equal<T>(T expected, T actual, string what = "")
    {
        if (!EqualityComparer<T>.Default.Equals(expected, actual))
        {
            throw new CheckFailedException($"{what}\n  expected: {expected}\n  actual:   {actual}");
        }
    }

    public static void Same<T>(IEnumerable<T> expected, IEnumerable<T> actual, string what = "") =>
        Equal(string.Join("\n            ", expected), string.Join("\n            ", actual), what);

    public static async Task<TunRTCException> FailsAsync(Task task, string code)
    {
        try
        {
            await task.WaitAsync(Patience);
        }
        catch (TunRTCException thrown)
        {
            Equal(code, thrown.Code, "the code of the failure");
            return thrown;
        }
        throw new CheckFailedException($"it should have failed with {code}");
    }

    public static async Task ThrowsAsync<T>(Func<Task> work)
        where T : Exception
    {
        try
        {
            await work().WaitAsync(Patience);
        }
        catch (T)
        {
            return;
        }
        throw new CheckFailedException($"it should have thrown {typeof(T).Name}");
    }

    /// <summary>Waits until this holds, looking again as often as is cheap.</summary>
    public static Task EventuallyAsync(Func<bool> holds, string what) => EventuallyAsync(holds, () => what);

    /// <inheritdoc cref="EventuallyAsync(Func{bool}, string)"/>
    public static async Task EventuallyAsync(Func<bool> holds, Func<string> what)
    {
        for (var watch = Stopwatch.StartNew(); !holds(); await Task.Delay(5))
        {
            if (watch.Elapsed > Patience)
            {
                throw new CheckFailedException($"never: {what()}");
            }
        }
    }
}
