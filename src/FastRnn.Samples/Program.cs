using FastRnn.Samples;

return SampleList.Start(args, Console.In, Console.Out, Console.Error);
