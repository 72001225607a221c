using FastRnn.Samples;

return SampleList.Start(args, Console.Out, Console.Error);
