using FastRnn.Runner;

using var interruption = new Interruption();
return Cli.Run(args, Output.Console(), interruption.Token);
