using System.Text;

namespace FastRnn.Runner;

/// <summary>The scripts that make a shell complete the program's command lines. They hold the whole table, so a key press starts no process.</summary>
internal static class CompletionScripts
{
    public static readonly string[] Shells = ["bash", "zsh", "pwsh"];

    public static string For(string shell, CompletionTable table) => shell switch
    {
        "bash" => Bash(table),
        "zsh" => Zsh(table),
        _ => Pwsh(table),
    };

    private static string Bash(CompletionTable table) => $$"""
        # Completion for bash: source <(fastrnn completion bash)
        _fastrnn() {
            local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb= list= files= i
            if [[ $cur == '=' ]]; then
                cur=
            elif [[ $prev == '=' ]]; then
                prev=${COMP_WORDS[COMP_CWORD-2]}
            fi
            for ((i = 1; i < COMP_CWORD; i++)); do
                {{VerbOf("${COMP_WORDS[i]}")}}
            done
        {{Cases(table)}}
            COMPREPLY=()
            while IFS= read -r i; do
                COMPREPLY+=("$i")
            done < <(
                [[ -n $list ]] && compgen -W "$list" -- "$cur"
                [[ -n $files && $cur != -* ]] && compgen -f -- "$cur"
            )
            [[ -n $files ]] && compopt -o filenames 2>/dev/null
            return 0
        }
        complete -F _fastrnn fastrnn

        """;

    private static string Zsh(CompletionTable table) => $$"""
        #compdef fastrnn
        # Completion for zsh: source <(fastrnn completion zsh), after compinit; or as a file _fastrnn in a folder of $fpath
        _fastrnn() {
            local cur=${words[CURRENT]} prev=${words[CURRENT-1]} verb= list= files= i
            if [[ $cur == --*=* ]]; then
                prev=${cur%%=*}
                compset -P '*='
            fi
            for ((i = 2; i < CURRENT; i++)); do
                {{VerbOf("${words[i]}")}}
            done
        {{Cases(table)}}
            [[ -n $list ]] && compadd -- ${=list}
            [[ -n $files && $cur != -- ]] && _files
            return 0
        }
        if [[ ${funcstack[1]} == _fastrnn ]]; then
            _fastrnn "$@"
        else
            compdef _fastrnn fastrnn
        fi

        """;

    /// <summary>bash and zsh read this alike.</summary>
    private static string VerbOf(string word) =>
        $"case {word} in --) [[ $verb == tune ]] && verb=train ;; -*) ;; *) [[ -z $verb ]] && verb={word} ;; esac";

    private static string Cases(CompletionTable table)
    {
        var text = new StringBuilder("    case \"$verb $prev\" in\n");
        foreach ((string[] places, Expected value) in table.Groups())
            text.Append($"        {string.Join('|', places.Select(place => $"'{place}'"))}) {Assign(value)} ;;\n");
        text.Append("        *) case $verb in\n");
        text.Append($"            '') list='{string.Join(' ', table.Verbs)}' ;;\n");
        foreach ((string verb, Expected value) in table.ByVerb)
            text.Append($"            {verb}) {Assign(value)} ;;\n");
        return text.Append("        esac ;;\n    esac").ToString();
    }

    private static string Assign(Expected value) => $"list='{string.Join(' ', value.Words)}'{(value.Files ? " files=1" : "")}";

    private static string Pwsh(CompletionTable table)
    {
        var places = new StringBuilder();
        foreach ((string verb, string option, Expected value) in table.ByOption)
            places.Append($"        '{verb} {option}' = {Array(value)}\n");
        var verbs = new StringBuilder($"        '' = {Array(new Expected(table.Verbs, false))}\n");
        foreach ((string verb, Expected value) in table.ByVerb)
            verbs.Append($"        '{verb}' = {Array(value)}\n");
        return $$"""
            # Completion for PowerShell: fastrnn completion pwsh | Out-String | Invoke-Expression
            Register-ArgumentCompleter -Native -CommandName fastrnn -ScriptBlock {
                param($wordToComplete, $commandAst, $cursorPosition)
                # An entry that begins with * stands for the names of files.
                $values = @{
            {{places.ToString().TrimEnd()}}
                }
                $verbs = @{
            {{verbs.ToString().TrimEnd()}}
                }
                $before = @($commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.ToString() })
                $verb = ''
                foreach ($word in ($before | Select-Object -Skip 1)) {
                    if ($word -eq '--') { if ($verb -eq 'tune') { $verb = 'train' } }
                    elseif (-not $word.StartsWith('-') -and $verb -eq '') { $verb = $word }
                }
                $place = "$verb $($before[-1])"
                $list = if ($values.ContainsKey($place)) { $values[$place] } else { $verbs[$verb] }
                foreach ($item in $list) {
                    if ($item -eq '*') { [System.Management.Automation.CompletionCompleters]::CompleteFilename($wordToComplete) }
                    elseif ($item.StartsWith($wordToComplete)) { [System.Management.Automation.CompletionResult]::new($item) }
                }
            }

            """;
    }

    private static string Array(Expected value) =>
        $"@({string.Join(", ", value.Words.Concat(value.Files ? ["*"] : []).Select(word => $"'{word}'"))})";
}
