using System.Diagnostics;
using FastRnn.Formats;
using Xunit;

namespace FastRnn.Tests.Formats;

/// <summary>Lets the n-th file operation fail, for every n: the old content must survive and every error must be seen.</summary>
public sealed class AtomicFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fastrnn-atomic-").FullName;
    private readonly ReadOnlyMemory<byte>[] _parts = [new byte[] { 1, 2, 3 }, new byte[] { 4 }, new byte[] { 5, 6, 7, 8, 9 }];
    private readonly byte[] _new = [1, 2, 3, 4, 5, 6, 7, 8, 9];

    public enum Fault
    {
        DiskFull,
        Denied,
        ShortWrite,
    }

    private string Target => Path.Combine(_folder, "model.safetensors");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_link_stays_a_link_to_the_new_content()
    {
        string link = Path.Combine(_folder, "link");
        Directory.CreateDirectory(Path.Combine(_folder, "elsewhere"));
        string real = Path.Combine(_folder, "elsewhere", "real");
        File.WriteAllText(real, "old");
        File.CreateSymbolicLink(link, real);
        AtomicFile.Write(link, _parts);
        Assert.Equal(_new, File.ReadAllBytes(real));
        Assert.Equal(real, new FileInfo(link).LinkTarget);
    }

    [Fact]
    public void What_is_written_beside_goes_over_when_it_was_looked_at()
    {
        File.WriteAllText(Target, "old");
        Assert.Throws<InvalidDataException>(() => AtomicFile.Replace(Target, beside =>
        {
            AtomicFile.Write(beside, _parts);
            Assert.Equal(_new, File.ReadAllBytes(beside));
            throw new InvalidDataException();
        }));
        Assert.Equal("old", File.ReadAllText(Target));
        AtomicFile.Replace(Target, beside => AtomicFile.Write(beside, _parts));
        Assert.Equal(_new, File.ReadAllBytes(Target));
        Assert.Single(Directory.GetFiles(_folder));
        Assert.Throws<DirectoryNotFoundException>(() => AtomicFile.Replace(Path.Combine(_folder, "nowhere", "file"), beside => AtomicFile.Write(beside, _parts)));
    }

    [Theory]
    [InlineData(Fault.DiskFull, false, false)]
    [InlineData(Fault.DiskFull, true, false)]
    [InlineData(Fault.Denied, false, false)]
    [InlineData(Fault.Denied, true, false)]
    [InlineData(Fault.ShortWrite, false, false)]
    [InlineData(Fault.ShortWrite, true, false)]
    [InlineData(Fault.DiskFull, false, true)]
    [InlineData(Fault.ShortWrite, true, true)]
    public void Every_failing_operation_surfaces_and_leaves_the_old_file_whole(Fault fault, bool persistent, bool fresh)
    {
        int failures = 0;
        for (int n = 1; ; n++)
        {
            byte[]? old = fresh ? null : [(byte)n, 42];
            File.Delete(Target);
            if (old is not null)
                File.WriteAllBytes(Target, old);
            var layer = new FaultyLayer(fault, n, persistent);
            var error = Record.Exception(() => AtomicFile.Write(Target, _parts, layer));
            byte[]? content = File.Exists(Target) ? File.ReadAllBytes(Target) : null;
            Assert.Empty(Directory.GetFiles(_folder, "*.tmp-*"));
            if (error is null)
            {
                Assert.True(layer.Operations < n, $"operation {n} failed silently");
                Assert.Equal(_new, content);
                break;
            }

            failures++;
            Assert.Same(layer.Thrown, error);
            Assert.Equal(layer.Failed == "sync" ? _new : old, content); // After the rename the new content is the whole one.
        }

        Assert.Equal(8, failures); // create, three writes, flush, close, rename, sync
    }

    [Fact]
    public void A_removal_that_fails_too_is_reported_with_the_first_error()
    {
        var layer = new FaultyLayer(Fault.DiskFull, 2, persistent: false) { RefuseDelete = true };
        var error = Assert.Throws<IOException>(() => AtomicFile.Write(Target, _parts, layer));
        Assert.Contains("No space left", error.Message, StringComparison.Ordinal);
        Assert.Contains("could not be removed", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Leftovers_of_dead_processes_go_and_nothing_else()
    {
        using var dead = Process.Start(new ProcessStartInfo("dotnet", "--version") { RedirectStandardOutput = true })!;
        dead.WaitForExit();
        string[] gone = [$"{Target}.tmp-{dead.Id}", $"{Target}.tmp-{dead.Id}.tmp-{dead.Id}"];
        string[] stay =
        [
            $"{Target}.tmp-{Environment.ProcessId}0x", $"{Target}.tmp-", $"{Target}.tmp-+1",
            Path.Combine(_folder, $"other.safetensors.tmp-{dead.Id}"), $"{Target}.tmp-{FaultyLayer.AlwaysRunning}",
        ];
        foreach (string file in gone.Concat(stay))
            File.WriteAllText(file, "");
        File.WriteAllText($"{Target}.tmp-{Environment.ProcessId}", "left by a run with the same id, as in a container");

        AtomicFile.Write(Target, _parts, new FaultyLayer(Fault.DiskFull, int.MaxValue, persistent: false));
        Assert.Equal(stay.Append(Target).Order(), Directory.GetFiles(_folder).Order());
        Assert.Equal(_new, File.ReadAllBytes(Target));
    }

    [Fact]
    public void A_save_beside_a_running_save_of_the_same_file_fails_and_harms_nothing()
    {
        using (var running = FileLayer.System.Create($"{Target}.tmp-{Environment.ProcessId}"))
        {
            running.WriteByte(7);
            Assert.Throws<IOException>(() => AtomicFile.Write(Target, _parts));
            Assert.Equal(1, running.Length);
        }

        AtomicFile.Write(Target, _parts);
        Assert.Equal(_new, File.ReadAllBytes(Target));
    }

    [Fact]
    public void Real_errors_of_the_system_surface()
    {
        Assert.Throws<DirectoryNotFoundException>(() => AtomicFile.Write(Path.Combine(_folder, "missing", "model"), _parts));
        Directory.CreateDirectory(Target);
        File.WriteAllText(Path.Combine(Target, "content"), "");
        Assert.ThrowsAny<Exception>(() => AtomicFile.Write(Target, _parts)); // the name is a folder
        Assert.Empty(Directory.GetFiles(_folder, "*.tmp-*"));
        if (!OperatingSystem.IsWindows())
            Assert.Throws<IOException>(() => DirectorySync.Flush(Path.Combine(_folder, "missing")));
    }

    private sealed class FaultyLayer(Fault fault, int n, bool persistent) : FileLayer
    {
        public const int AlwaysRunning = 999_999_999;

        public int Operations { get; private set; }

        public string? Failed { get; private set; }

        public Exception? Thrown { get; private set; }

        public bool RefuseDelete { get; init; }

        public override FileStream Create(string path)
        {
            Count("create");
            return base.Create(path);
        }

        public override void Write(FileStream stream, ReadOnlySpan<byte> bytes)
        {
            if (fault == Fault.ShortWrite && Fails(Operations + 1))
                base.Write(stream, bytes[..(bytes.Length / 2)]);
            Count("write");
            base.Write(stream, bytes);
        }

        public override void Flush(FileStream stream)
        {
            Count("flush");
            base.Flush(stream);
        }

        public override void Close(FileStream stream)
        {
            base.Close(stream);
            Count("close");
        }

        public override void Replace(string source, string target)
        {
            Count("rename");
            base.Replace(source, target);
        }

        public override void SyncDirectory(string directory)
        {
            Count("sync");
            base.SyncDirectory(directory);
        }

        public override void Delete(string path)
        {
            if (RefuseDelete)
                throw new UnauthorizedAccessException("Removal refused.");
            base.Delete(path);
        }

        public override bool IsRunning(int processId) => processId == AlwaysRunning || base.IsRunning(processId);

        private bool Fails(int operation) => persistent ? operation >= n : operation == n;

        private void Count(string name)
        {
            if (!Fails(++Operations))
                return;
            Failed = name;
            Thrown = fault == Fault.Denied ? new UnauthorizedAccessException("Permission denied.") : new IOException("No space left on device.", 28);
            throw Thrown;
        }
    }
}
