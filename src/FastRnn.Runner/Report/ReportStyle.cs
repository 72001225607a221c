namespace FastRnn.Runner;

/// <summary>How pages and charts look. The palette is that of Okabe and Ito (2008), which most colour-blind people tell apart, lighter in the dark.</summary>
internal static class ReportStyle
{
    private const string Light = """
        color-scheme:light;--page:#f4f5f7;--card:#fff;--ink:#1c2430;--soft:#5a6676;--rule:#dfe3e8;--grid:#e8ebef;--heat:0 114 178;--on:#fff;
        --c0:#0072b2;--c1:#d55e00;--c2:#00835f;--c3:#b5578f;--c4:#9a6b00;--c5:#2f8fce;--c6:#6b5bb5;--c7:#4d5866
        """;

    private const string Dark = """
        color-scheme:dark;--page:#12161c;--card:#1b2129;--ink:#e6eaf0;--soft:#9ba7b6;--rule:#323b47;--grid:#2a323d;--heat:86 180 233;--on:#0d1116;
        --c0:#56b4e9;--c1:#ff9150;--c2:#2fc79a;--c3:#e79cc6;--c4:#e6b23c;--c5:#8cc9f2;--c6:#b0a2f0;--c7:#aab4c0
        """;

    /// <summary>The colours in light and dark; printed always light.</summary>
    private const string Colours = $$"""
        :root{{{Light}}}
        @media screen and (prefers-color-scheme:dark){
        :root{{{Dark}}}
        }
        """;

    private const string Fonts = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif";

    /// <summary>Everything that <see cref="SvgChart"/> draws.</summary>
    public static string Chart { get; } = $$"""
        .chart text{font:12.5px {{Fonts}};fill:var(--soft);font-variant-numeric:tabular-nums}
        .chart .name{fill:var(--ink)}
        .chart .head{fill:var(--ink);font-size:15px;font-weight:600}
        .chart .halo{stroke:var(--card);stroke-width:4px;paint-order:stroke;stroke-linejoin:round}
        .chart .grid{stroke:var(--grid);fill:none}.chart .axis{stroke:var(--soft);fill:none}
        .chart .mark{stroke:var(--soft);stroke-dasharray:2 4;fill:none}
        .chart .line{fill:none;stroke-width:1.9;stroke-linejoin:round;stroke-linecap:round}.chart .dashed{stroke-dasharray:6 5}
        .chart .quiet{stroke:var(--soft);stroke-width:1.2}
        {{string.Concat(Enumerable.Range(0, 8).Select(i => $".s{i}{{stroke:var(--c{i})}}.f{i}{{fill:var(--c{i})}}.b{i}{{fill:var(--c{i});fill-opacity:.2}}"))}}
        .paper{fill:var(--card)}
        """;

    /// <summary>A picture that is a file of its own.</summary>
    public static string Picture { get; } = $"{Colours}\n{Chart}";

    /// <summary>A page.</summary>
    public static string Page { get; } = $$"""
        {{Colours}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 {{Fonts}};overflow-wrap:anywhere;-webkit-text-size-adjust:100%}
        main{max-width:1040px;margin:0 auto;padding:40px 20px 56px}
        h1{font-size:30px;line-height:1.2;font-weight:650;letter-spacing:-.01em;margin:0}
        h2{font-size:20px;line-height:1.3;font-weight:650;margin:0 0 4px}
        h3{font-size:15px;font-weight:650;margin:20px 0 6px}
        p{margin:0}.sub,.lead{color:var(--soft)}.sub{margin-top:6px}.lead{font-size:15px;margin-bottom:12px;max-width:75ch}
        .notice{margin-top:18px;padding:10px 16px;border-left:4px solid var(--c1);background:var(--card);border-radius:0 8px 8px 0}
        .cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:24px 0 0}
        .cards div{background:var(--card);border:1px solid var(--rule);border-radius:12px;padding:14px 18px}
        .cards dt{font-size:13px;color:var(--soft)}.cards dd{margin:0}
        .cards .v{font-size:26px;line-height:1.3;font-weight:650;font-variant-numeric:tabular-nums}.cards .n{font-size:13px;color:var(--soft)}
        section{background:var(--card);border:1px solid var(--rule);border-radius:12px;padding:22px 24px;margin-top:20px}
        .chart{display:block;width:100%;height:auto}.wide,.narrow{margin-top:14px}.narrow{display:none}
        .pair{display:grid;grid-template-columns:1fr 1fr;gap:12px 32px}.square{max-width:520px}
        .scroll{overflow-x:auto;margin-top:12px;overflow-wrap:normal}
        table{border-collapse:collapse;font-size:14px;font-variant-numeric:tabular-nums}
        th,td{text-align:left;padding:6px 18px 6px 0;border-bottom:1px solid var(--rule);vertical-align:top}tbody th{min-width:7em}
        th{font-weight:500}th:last-child,td:last-child{padding-right:0}thead th{color:var(--soft);font-weight:500;white-space:nowrap}tr:last-child>*{border-bottom:0}
        .r{text-align:right;white-space:nowrap}
        .settings{column-width:300px;column-gap:32px;margin:10px 0 0}
        .settings div{display:flex;justify-content:space-between;gap:16px;break-inside:avoid;border-bottom:1px solid var(--rule);padding:5px 0;font-size:14px}
        .settings dt{color:var(--soft)}.settings dd{margin:0;text-align:right;font-variant-numeric:tabular-nums}
        .matrix{border-collapse:separate;border-spacing:2px}.matrix th,.matrix td{border:0;padding:5px 8px;vertical-align:middle}
        .matrix td{text-align:right;min-width:38px;border-radius:4px;background:rgb(var(--heat)/var(--a,0))}
        .matrix .hi{color:var(--on)}.matrix .no{color:var(--soft)}.matrix tbody th{min-width:0;text-align:right;white-space:nowrap;font-weight:500}
        .matrix .up{writing-mode:vertical-rl;transform:rotate(180deg);text-align:left;vertical-align:bottom;padding:8px 5px}
        figure{margin:14px 0 0}figcaption{font-size:14px;color:var(--soft);margin-bottom:6px}
        pre{margin:0;padding:14px 16px;background:var(--page);border-radius:8px;font:13.5px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre-wrap}
        details{margin-top:14px}summary{cursor:pointer;color:var(--soft);font-size:14px}summary:focus-visible{outline:2px solid var(--c0);outline-offset:3px;border-radius:4px}
        footer{color:var(--soft);font-size:13px;margin-top:24px}
        @media (max-width:720px){main{padding:24px 14px 40px}section{padding:18px 16px}h1{font-size:25px}.wide{display:none}.narrow{display:block;max-width:560px}.pair{grid-template-columns:1fr}table{font-size:13px}th,td{padding-right:11px}tbody th{min-width:5.5em} }
        @media print{body{background:#fff;font-size:11pt}main{max-width:none;padding:0}section,.cards div{break-inside:avoid;border-color:#ccc}.matrix td,.chart{print-color-adjust:exact;-webkit-print-color-adjust:exact}.wide{display:block}.narrow{display:none}.scroll{overflow:visible}.pair{grid-template-columns:1fr 1fr} }
        {{Chart}}
        """;
}
