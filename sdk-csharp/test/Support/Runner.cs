using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Reflection;
using System.Threading.Tasks;

namespace TunRTC.Client.Tests.Support;

/// <summary>Marks a public method without parameters as a test; its name is the sentence that it proves.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class TestAttribute : Attribute;

/// <summary>Runs the tests of this program: all of them, or those whose name contains one of the arguments.</summary>
internal static class Runner
{
    /// <summary>A bound for a busy machine, not a measurement.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(double.Parse(Environment.GetEnvironmentVariable("TUNRTC_TEST_SECONDS") ?? "120"));

    public static async Task<int> Main(string[] wanted)
    {
        var failures = new List<string>();
        TaskScheduler.UnobservedTaskException += (_, args) =>
        {
            // The runtime's own sockets leave such tasks behind; the client must not.
            if (!args.Exception.InnerExceptions.Any(each => each is TunRTCException))
            {
                return;
            }
            lock (failures)
            {
                failures.Add($"a task failed that nobody looked at: {args.Exception}");
            }
        };
        var passed = 0;
        foreach (var test in Tests().Where(test => wanted.Length == 0 || wanted.Any(part => Name(test).Contains(part, StringComparison.OrdinalIgnoreCase))))
        {
            if (await RunAsync(test) is { } failure)
            {
                failures.Add($"{Name(test)}: {failure}");
            }
            else
            {
                passed++;
            }
        }
        await Server.StopAllAsync();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        lock (failures)
        {
            failures.ForEach(failure => Console.WriteLine($"FAILED {failure}"));
            Console.WriteLine($".NET {Environment.Version}: {passed} passed, {failures.Count} failed");
            return passed > 0 && failures.Count == 0 ? 0 : 1;
        }
    }

    private static IEnumerable<MethodInfo> Tests() => Assembly.GetExecutingAssembly().GetTypes()
        .OrderBy(type => type.FullName, StringComparer.Ordinal)
        .SelectMany(type => type.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly))
        .Where(method => method.GetCustomAttribute<TestAttribute>() is not null);

    private static string Name(MethodInfo test) => $"{test.DeclaringType!.Name}.{test.Name}";

    private static async Task<string?> RunAsync(MethodInfo test)
    {
        var watch = Stopwatch.StartNew();
        try
        {
            // A test that blocks its thread must not keep the others from being told.
            await Task.Run(() => Invoke(test)).WaitAsync(Patience);
            Console.WriteLine($"ok     {Name(test)} ({watch.ElapsedMilliseconds} ms)");
            return null;
        }
        catch (Exception thrown)
        {
            Console.WriteLine($"FAILED {Name(test)} ({watch.ElapsedMilliseconds} ms)");
            return thrown is TargetInvocationException { InnerException: { } inner } ? inner.ToString() : thrown.ToString();
        }
    }

    private static async Task Invoke(MethodInfo test)
    {
        var instance = Activator.CreateInstance(test.DeclaringType!);
        try
        {
            await ((Task?)test.Invoke(instance, null) ?? Task.CompletedTask);
        }
        finally
        {
            await ((instance as IAsyncDisposable)?.DisposeAsync() ?? ValueTask.CompletedTask);
        }
    }
}
