using FastRnn.Backends;

namespace FastRnn.OpenCL;

/// <summary>
/// One pass of a recurrent layer over a window. Everything is started in order and nothing is waited for. Rows are (t, b) as t·B + b; those of the gates
/// and of what is kept beside them begin at the row of the first step that is held.
/// </summary>
internal sealed partial class RecurrentRun : IDisposable
{
    /// <summary>Work-items of a group where each computes one unit.</summary>
    private const int ScalarGroup = 32;

    private readonly OpenClBackend _backend;
    private readonly DevicePool _pool;
    private readonly OpenClRecurrentWeights _w;
    private readonly OpenClStash _stash;
    private readonly CellKernels _kernels;
    private readonly RowMarks? _marks;
    private readonly RecurrentPass _pass;
    private readonly OpenClBuffer _x, _hidden;
    private readonly OpenClBuffer? _cells, _output;
    private readonly int _steps, _batch;
    private readonly List<OpenClBuffer> _rented = [];
    private readonly OpenClBuffer? _dropMask, _seen, _product;

    /// <summary>The first row that gates hold, and whether they are to hold activations.</summary>
    private int _base;
    private bool _keeps;

    public RecurrentRun(OpenClBackend backend, DevicePool pool, CellKernels kernels, in RecurrentArrays arrays, RowMarks? marks, in RecurrentPass pass)
    {
        (_backend, _pool, _kernels, _marks, _pass) = (backend, pool, kernels, marks, pass);
        (_w, _stash, _x, _hidden, _cells, _output) = (arrays.Weights, arrays.Stash, arrays.X, arrays.Hidden, arrays.Cells, arrays.Output);
        (_steps, _batch) = (_stash.Steps, _stash.Batch);
        bool drops = pass.Training && Cell.RecurrentDropout > 0;
        _seen = drops || marks != null ? Rent(_batch, _w.State) : null;
        _product = _w.Projection != null || drops ? Rent(_batch, _w.State) : null;
        if (!drops)
            return;
        _dropMask = Rent(_batch, _w.State);
        DropoutMask mask = pass.RecurrentDropout(Cell);
        Draws(_kernels.State("draw_mask").Start().Buffer(_dropMask).Int(_w.State), mask, 0).Float(1f / (1f - mask.Rate)).Over(_w.State, _batch);
    }

    private CellType Cell => _w.Cell;

    private int RowEnd => (_steps + 1) * _batch;

    public void Dispose()
    {
        foreach (OpenClBuffer buffer in _rented)
            buffer.Block.Dispose();
    }

    /// <summary>Memory of this pass, not zeroed.</summary>
    private OpenClBuffer Rent(int rows, int columns)
    {
        var buffer = new OpenClBuffer(_pool, rows, columns);
        _rented.Add(buffer);
        return buffer;
    }

    /// <summary>A product's gates from a row of the window on.</summary>
    private Rows GateRows(GateProduct product, int row) => Strips(product, product.FirstStrip, row);

    /// <summary>The cell's gates that belong to a product; others than the product's own where those are normalised.</summary>
    private Rows CellRows(GateProduct product, int row) => Strips(product, product.CellStrip, row);

    private Rows Strips(GateProduct product, int first, int row) =>
        new(_stash.Gates, row - _base, first, new ColumnGroups(product.Gates.Length, _w.Layout.BlockStrips));

    /// <summary>Rows that are kept beside the gates; in inference those of one step.</summary>
    private Rows KeptRows(OpenClBuffer kept, int row) => new(kept, _stash.Keep == Keep.Nothing || !_keeps ? 0 : row - _base);

    /// <summary>h_{t−1} as the products see it.</summary>
    private Rows See(int t)
    {
        int row = t * _batch;
        if (_seen == null || (_dropMask == null && !_marks!.HasReset(t)))
            return new Rows(_hidden, row);
        See(row, _batch, _seen);
        return new Rows(_seen);
    }

    private void See(int row, int rows, OpenClBuffer to)
    {
        Kernel kernel = _kernels.State("see").Start().At(_hidden, row).Buffer(to).Buffer(_dropMask);
        Marks(kernel, row).Int(_w.State).Int(_batch).Over(_w.State, rows);
    }

    /// <summary>The marks from a row on, as an argument; null where the window has no flags.</summary>
    private Kernel Marks(Kernel kernel, int row) => kernel.Memory(_marks?.Memory).Long(row);

    /// <summary>What a kernel draws from: at step t, of samples by their number. The rate is negative where no draw but the mean is wanted.</summary>
    private static Kernel Draws(Kernel kernel, in DropoutMask mask, int t, bool mean = false)
    {
        long time = mask.PerSample ? mask.Time : mask.Time + t;
        return kernel.UInt((uint)mask.Seed).UInt((uint)(mask.Seed >> 32)).UInt((uint)mask.Layer)
            .UInt((uint)time).UInt((uint)(time >> 32)).UInt(DropoutDraw.TopByte(mask)).Float(mask.Rate * (mean ? -(1 << 24) : 1 << 24));
    }

    /// <summary>Runs a cell's kernel over the units of a step.</summary>
    private void Run(Kernel kernel, int units)
    {
        if (_kernels.Lanes > 1)
            kernel.Run((units + _kernels.Lanes - 1) / _kernels.Lanes, _batch, 1, 1, 1, 1);
        else
            kernel.Run(units, _batch, 1, ScalarGroup, 1, 1);
    }

    private void Normalize(GateProduct product, int index, OpenClBuffer gamma, OpenClBuffer? bias, int row, int rows) =>
        Norm(_kernels.NormForward.Start(), product, gamma, row).Buffer(bias).At(_stash.Scales[index], row - _base).Run(16, rows, 1, 16, 1, 1);

    private Kernel Norm(Kernel kernel, GateProduct product, OpenClBuffer gamma, int row) =>
        kernel.At(_stash.Gates, row - _base).Int(product.FirstStrip).Int(product.CellStrip).Int(product.Gates.Length).Int(_w.Hidden)
            .Buffer(gamma).Int(GateLayout.Order(product.Gates));
}

/// <summary>The arrays of a pass.</summary>
internal readonly record struct RecurrentArrays(
    OpenClRecurrentWeights Weights, OpenClStash Stash, OpenClBuffer X, OpenClBuffer Hidden, OpenClBuffer? Cells, OpenClBuffer? Output);

internal static class KernelRows
{
    /// <summary>A buffer from one of its rows on.</summary>
    public static Kernel At(this Kernel kernel, OpenClBuffer buffer, int row) =>
        kernel.Memory(buffer.Block).Long(buffer.First + ((long)row * buffer.Columns));

    public static Kernel At(this Kernel kernel, in Rows rows) => kernel.Memory(rows.Buffer.Block).Long(rows.First);
}
