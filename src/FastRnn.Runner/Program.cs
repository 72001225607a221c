Console.WriteLine("fastrnn");
