using FastRnn.Numerics;
using FastRnn.Suites;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Suites;

/// <summary>The driver of peers against scripts that behave well or badly.</summary>
public sealed class PeerTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly Row Step = Catalog.Rows(Isa.Widest).Single(row => row.Id == "step-lstm-1-8");
    private readonly string _folder = Directory.CreateTempSubdirectory("fastrnn-peer-").FullName;

    private const string Good = """
        echo '{"peer":"fake","version":"1.2","threads":'$2',"details":"a script"}'
        while read -r command id rest; do
            case $command in
            prepare) case $rest in "step lstm "*) echo "ready $id";; *) echo "missing $id no such work";; esac;;
            verify) echo "verified $id 1e-7";;
            run) echo "times $id 3000 1000 2000";;
            release) echo "released $id";;
            quit) exit 0;;
            esac
        done
        """;

    [UnixFact]
    public void TimesAreMedians()
    {
        using PeerProcess peer = Start(Good);
        Assert.Equal(new PeerVersion("fake", "1.2", "a script", null), peer.Version);
        Assert.Null(peer.Prepare(Step));
        Assert.Equal(2e-6, peer.Run(Step.Id, 0.001)!.Value, 1e-12);
    }

    [UnixFact]
    public void RowThatAPeerLacksHasItsReason()
    {
        using PeerProcess peer = Start(Good);
        Row gru = Catalog.Rows(Isa.Widest).Single(row => row.Id == "step-gru-1-8");
        Assert.Equal("no such work", peer.Prepare(gru));
        Assert.Null(peer.Broken);
        Assert.Null(peer.Prepare(Step)); // and the next one is asked for again
    }

    [UnixFact]
    public void WrongResultsHaveNoTime()
    {
        using PeerProcess peer = Start(Good.Replace("echo \"verified $id 1e-7\"", "echo \"wrong $id y differs by 0.5\"", StringComparison.Ordinal));
        Assert.Equal("y differs by 0.5", peer.Prepare(Step));
        Assert.Null(peer.Broken);
    }

    [UnixFact]
    public void PeerThatIsNotInstalledSaysSo()
    {
        using PeerProcess peer = Start("""echo '{"peer":"fake","version":null,"threads":1,"missing":"no compiler"}'; cat > /dev/null""");
        Assert.Equal("no compiler", peer.Version.Missing);
        Assert.Equal("no compiler", peer.Prepare(Step));
    }

    [UnixTheory]
    [InlineData("exit 3", "ended with exit code 3")]
    [InlineData("echo hello; cat > /dev/null", "greeted with 'hello'")]
    public void PeerThatDoesNotGreetIsBroken(string script, string reason)
    {
        using PeerProcess peer = Start(script);
        Assert.Equal(reason, peer.Broken);
        Assert.Equal(reason, peer.Version.Missing);
    }

    [UnixTheory]
    [InlineData("run) exit 7;;", "ended with exit code 7")]
    [InlineData("run) echo 'times other 5';;", "answered 'times other 5' to run")]
    [InlineData("run) echo \"times $id\";;", "to run")]
    [InlineData("run) echo \"times $id 5 nan\";;", "to run")]
    [InlineData("run) echo \"times $id 5 -1\";;", "to run")]
    [InlineData("run) echo \"times $id 5 0\";;", "to run")]
    public void CrashesAndWrongAnswersBreakThePeer(string line, string reason)
    {
        using PeerProcess peer = Start(Good.Replace("run) echo \"times $id 3000 1000 2000\";;", line, StringComparison.Ordinal));
        Assert.Null(peer.Prepare(Step));
        Assert.Null(peer.Run(Step.Id, 0.001));
        Assert.Contains(reason, peer.Broken, StringComparison.Ordinal);
        Assert.Equal(peer.Broken, peer.Prepare(Step));
        Assert.Null(peer.Run(Step.Id, 0.001));
    }

    [UnixFact]
    public void PeerThatGivesNoAnswerIsEnded()
    {
        using PeerProcess peer = Start(Good.Replace("run) echo \"times $id 3000 1000 2000\";;", "run) sleep 60;;", StringComparison.Ordinal), TimeSpan.FromSeconds(0.3));
        Assert.Null(peer.Prepare(Step));
        Assert.Null(peer.Run(Step.Id, 0));
        Assert.Contains("no answer", peer.Broken, StringComparison.Ordinal);
    }

    [Fact]
    public void NoScriptIsAReason()
    {
        using PeerProcess peer = PeerProcess.Start(new PeerScript(Path.Combine(_folder, "nothing.sh"), ["fake"]), "fake", 1, Patience);
        Assert.Contains("does not exist", peer.Broken, StringComparison.Ordinal);
    }

    /// <summary>A whole run beside three peers: one that has the row, one that crashes in it, one that is not there.</summary>
    [UnixFact]
    public void RunGoesOnBesideAnyPeer()
    {
        string script = "case $1 in\ngone) exit 1;;\ncrash) " + Good.Replace("run) echo \"times $id 3000 1000 2000\";;", "run) exit 7;;", StringComparison.Ordinal)
            + "\n;;\n*) " + Good + "\n;;\nesac\n";
        var peers = new PeerScript(Write(script), ["good", "crash", "gone"]);
        var options = new SuiteOptions([Suite.Step], Isa.Current) { Filter = "-1-8", Seconds = 0.005, Peers = peers };
        var log = new StringWriter();
        SuiteResult result = Assert.Single(SuiteRun.Run(options, log, CancellationToken.None));
        RowResult lstm = result.Rows.Single(row => row.Id == "step-lstm-1-8"), gru = result.Rows.Single(row => row.Id == "step-gru-1-8");
        Assert.Equal(2000, lstm.Peers[0].Nanoseconds!.Value, 1e-6);
        Assert.True(lstm.Peers[0].Ratio > 0);
        Assert.Equal("ended with exit code 7", lstm.Peers[1].Missing);
        Assert.Equal("ended with exit code 1", lstm.Peers[2].Missing);
        Assert.Equal("no such work", gru.Peers[0].Missing);
        Assert.Equal("ended with exit code 7", gru.Peers[1].Missing);
        Assert.Equal("1.2", result.Peers[0].Version);
        Assert.True(lstm.Median > 0 && lstm.Share > 0 && lstm.Gap > 0 && lstm.P999 >= lstm.P99);
        Assert.Contains("step-gru-1-8", log.ToString(), StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private PeerProcess Start(string script, TimeSpan? patience = null) =>
        PeerProcess.Start(new PeerScript(Write(script), ["fake"]), "fake", 1, patience ?? Patience);

    private string Write(string script)
    {
        string path = Path.Combine(_folder, "start.sh");
        File.WriteAllText(path, script);
        return path;
    }
}
