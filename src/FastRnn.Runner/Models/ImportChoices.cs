using System.CommandLine;
using FastRnn.Backends;
using FastRnn.Formats.Dialects;

namespace FastRnn.Runner;

/// <summary>Options of the verbs that read model files of any kind: what such a file may not say itself.</summary>
internal sealed class ImportChoices
{
    private readonly Option<string?> _sidecar = CommonOptions.NotEmpty(new Option<string?>("--sidecar")
    {
        Description = "JSON file that names the layers of a file of weights alone; FILE.json beside it unless given",
        HelpName = "FILE",
    });

    private readonly Option<string?> _activation = new("--activation")
    {
        Description = "Function of simple recurrent cells, which a file of weights alone does not tell: tanh, relu",
        HelpName = "NAME",
    };

    private readonly Option<string?> _outputActivation = new("--output-activation")
    {
        Description = "Function after the last layer, which a file of weights alone does not tell, for example sigmoid",
        HelpName = "NAME",
    };

    private readonly Option<bool> _nonFinite = new("--allow-nonfinite") { Description = "Take weights that are NaN or infinite" };

    private readonly bool _takesNonFinite;

    /// <param name="takesNonFinite">Whether the verb has a use for weights that are not finite: none is written into a file.</param>
    public ImportChoices(bool takesNonFinite = true)
    {
        _takesNonFinite = takesNonFinite;
        _activation.CompletionSources.Add("tanh", "relu");
        _activation.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string?>() is not (null or "tanh" or "relu"))
                result.AddError($"--activation is '{result.GetValueOrDefault<string?>()}', expected tanh or relu");
        });
    }

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_sidecar, _activation, _outputActivation])
            command.Options.Add(option);
        if (_takesNonFinite)
            command.Options.Add(_nonFinite);
    }

    public ImportOptions Of(ParseResult parsed) => new()
    {
        Sidecar = parsed.GetValue(_sidecar),
        RnnActivation = parsed.GetValue(_activation),
        OutputActivation = parsed.GetValue(_outputActivation),
        AllowNonFinite = _takesNonFinite && parsed.GetValue(_nonFinite),
    };

    /// <summary>Opens a model of any kind.</summary>
    public static ImportedModel Open(string path, Backend backend, ImportOptions options, CancellationToken cancellation)
    {
        RunFiles.RequireFile(path);
        return ModelImport.Load(path, backend, options, cancellation);
    }

    /// <summary>The name of a file that a verb is given as its argument.</summary>
    public static Argument<string> File(string name, string description, string what = "model")
    {
        var argument = new Argument<string>(name) { Description = description, HelpName = name is "model" ? null : "FILE" };
        argument.Validators.Add(result =>
        {
            if (result.Tokens.Any(token => string.IsNullOrWhiteSpace(token.Value)))
                result.AddError($"the {what} is '', expected a file name");
        });
        return argument;
    }
}
