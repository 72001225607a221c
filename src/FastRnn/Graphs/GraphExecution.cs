using FastRnn.Backends;

namespace FastRnn.Graphs;

/// <summary>The values of a program for one caller: made once, kept from run to run, so that a run of the same shapes allocates nothing.</summary>
internal sealed class GraphExecution
{
    private readonly GraphProgram _program;
    private readonly GraphTensor?[] _values;
    private readonly GraphCall[] _calls;

    public GraphExecution(GraphProgram program, Backend backend, GraphLimits limits)
    {
        _program = program;
        Memory = new GraphMemory(limits.Bytes);
        _values = new GraphTensor?[program.Values.Length];
        for (int i = 0; i < _values.Length; i++)
            _values[i] = program.Values[i].Constant;
        _calls = new GraphCall[program.Nodes.Length];
        for (int n = 0; n < _calls.Length; n++)
        {
            _calls[n] = new GraphCall(program.Nodes[n].Operator, backend, Memory);
            foreach (int id in program.Nodes[n].Outputs)
            {
                if (id >= 0)
                    _values[id] = new GraphTensor(program.Values[id].Type, 0);
            }
        }
    }

    /// <summary>Counts all that this one holds.</summary>
    public GraphMemory Memory { get; }

    /// <summary>Puts a caller's tensor in the place of an input; it is read in the run, not copied.</summary>
    public void SetInput(int index, GraphTensor tensor) => _values[index] = tensor;

    /// <summary>A result; the next run overwrites it.</summary>
    public GraphTensor Output(int index) => _values[_program.Outputs[index]]!;

    /// <exception cref="GraphException">A node cannot compute these shapes, or would take more memory than it may.</exception>
    public void Run()
    {
        for (int n = 0; n < _calls.Length; n++)
        {
            GraphCall call = _calls[n];
            ProgramNode node = _program.Nodes[n];
            for (int i = 0; i < node.Inputs.Length; i++)
                call.Inputs[i] = node.Inputs[i] < 0 ? null : _values[node.Inputs[i]];
            for (int i = 0; i < node.Outputs.Length; i++)
                call.Outputs[i] = node.Outputs[i] < 0 ? null : _values[node.Outputs[i]];
            call.Prepare();
            call.Operator.Run(call);
        }
    }
}
