using System.Numerics;
using FastRnn.Backends;

namespace FastRnn.OpenCL;

/// <summary>Gradients of weights and biases: sums over rows in the order of <see cref="RowOrder"/>.</summary>
internal sealed partial class OpenClProducts
{
    /// <summary>Columns of X that a work-item's sums reach over.</summary>
    private const int PassColumns = 256;

    /// <summary>Slices whose sums lie in memory at a time: a power of two, so that each such chunk is a whole branch of the tree.</summary>
    private const int ChunkSlices = 8;

    private readonly RowOrder _order;
    private readonly Dictionary<(int Steps, int Batch, int First, int Count), RowOrder> _orders = [];
    private readonly Dictionary<(ColumnGroups Groups, int Levels, LocalTile Tile), Kernel> _gradients = [];
    private readonly Dictionary<(ColumnGroups Groups, int Levels), (Kernel Blocks, Kernel Add)> _biases = [];
    private readonly Dictionary<int, Kernel> _slices = [];
    private Kernel? _packRows;

    /// <summary>
    /// The rows of steps firstStep … firstStep + count − 1 in the order of the gradients. With flags it holds until the next call with flags.
    /// </summary>
    public RowOrder Order(int steps, int batch, StepFlags? flags, int firstStep = 0, int? count = null)
    {
        int length = count ?? steps - firstStep;
        if (flags != null)
        {
            _order.Set(_staging, batch, flags, firstStep, length);
            return _order;
        }
        if (_orders.TryGetValue((steps, batch, firstStep, length), out RowOrder? order))
            return order;
        if (_orders.Count == 64)
            _orders.Clear(); // windows of ever new lengths
        order = new RowOrder(_pool);
        order.Set(_staging, batch, null, firstStep, length);
        _orders.Add((steps, batch, firstStep, length), order);
        return order;
    }

    /// <summary>dW[row(n), k] += Σ dY[r, n]·X[r, k] over the rows r of the order.</summary>
    /// <param name="order">Rows.</param>
    /// <param name="dY">dY, n below the target's count.</param>
    /// <param name="x">X, all of whose columns k count.</param>
    /// <param name="gradient">dW [.., K].</param>
    /// <param name="target">Which row of dW belongs to n.</param>
    /// <param name="cleared">Whether X counts as zero where a sequence begins.</param>
    public void AddWeightGradient(RowOrder order, in Rows dY, in Rows x, OpenClBuffer gradient, in TargetRows target, bool cleared = false)
    {
        if (x.Column != 0 || Groups(x) != ColumnGroups.All || x.Buffer.Columns != gradient.Columns)
            throw new ArgumentException($"all columns of {x.Buffer} are to be those of the gradient {gradient}", nameof(x));
        for (int span = order.Spans - 1; span >= 0; span--)
        {
            if (Family == ProductFamily.Vector)
                AddSpanByVectors(order, span, dY, x, gradient, target, cleared);
            else
                AddSpanByTiles(order, span, dY, x, gradient, target, cleared);
        }
        gradient.Written();
    }

    /// <summary>biasA[row(n)] += Σ dY[r, n] over the rows r of the order; the same to biasB unless null.</summary>
    public void AddBiasGradient(RowOrder order, in Rows dY, OpenClBuffer biasA, OpenClBuffer? biasB, in TargetRows target)
    {
        if (order.Spans == 0)
            return;
        ColumnGroups groups = Groups(dY);
        int width = groups.Span(target.Count);
        OpenClBuffer sums = Scratch((long)order.BlockCount * width);
        bool wide = Family == ProductFamily.Vector;
        (Kernel blocks, Kernel add) = Bias(groups, Levels(order.Slices));
        Operand(blocks.Start(), dY).Long(dY.Buffer.Columns);
        blocks.Memory(order.Memory).Int(order.FirstEntry).Int(order.FirstBlock).Buffer(sums).Int(width);
        if (wide)
            blocks.Run((width + PanelColumns - 1) / PanelColumns, order.BlockCount, 1, 1, 1, 1);
        else
            blocks.Over(width, order.BlockCount);
        add.Start().Buffer(sums).Int(width);
        add.Memory(order.Memory).Int(order.FirstSlice(0)).Int(order.Slices).Int(order.Spans).Buffer(biasA).Buffer(biasB).Int(target.Count);
        Target(add, target).Over(target.Count);
        biasA.Written();
        biasB?.Written();
    }

    /// <summary>Zero in the rows that an order leaves out.</summary>
    public void ClearSkipped(RowOrder order, OpenClBuffer buffer)
    {
        _programs.Get("packing.cl", "clear_rows", "-DPANEL=1").Start().Buffer(buffer).Int(buffer.Columns).Memory(order.Memory).Int(order.FirstSkipped)
            .Over(buffer.Columns, order.SkippedCount);
        buffer.Written();
    }

    /// <summary>Levels of the tree of slices: the same for all batches up to 128, so that they share their programs.</summary>
    private static int Levels(int slices) => Math.Max(5, BitOperations.Log2((uint)slices) + 2);

    private void AddSpanByVectors(
        RowOrder order, int span, in Rows dY, in Rows x, OpenClBuffer gradient, in TargetRows target, bool cleared)
    {
        (int first, int rows) = order.Entries(span);
        int columns = gradient.Columns, panels = (columns + PanelColumns - 1) / PanelColumns, list = order.FirstEntry;
        OpenClBuffer packed = Scratch((long)rows * panels * PanelColumns);
        if (rows > 0)
        {
            Kernel pack = _packRows ??= Gradient("pack_rows", ColumnGroups.All, 1, default);
            Operand(pack.Start(), x).Long(x.Buffer.Columns).Int(columns).Memory(order.Memory).Int(list + first).Int(rows).Int(cleared ? 1 : 0).Buffer(packed);
            pack.Run(rows, panels, 1, 1, 1, 1);
        }
        Kernel kernel = Gradient("weight_gradient", Groups(dY), Levels(order.Slices), default).Start();
        Operand(kernel, dY).Long(dY.Buffer.Columns).Int(target.Count).Buffer(packed).Int(rows).Int(columns);
        kernel.Memory(order.Memory).Int(list).Int(order.FirstBlock).Int(order.FirstSlice(span)).Int(order.Slices).Buffer(gradient);
        Target(kernel, target).Run((target.Count + 15) / 16, (columns + PassColumns - 1) / PassColumns, 1, 1, 1, 1);
    }

    private void AddSpanByTiles(RowOrder order, int span, in Rows dY, in Rows x, OpenClBuffer gradient, in TargetRows target, bool cleared)
    {
        int rows = target.Count, columns = gradient.Columns, chunks = (order.Slices + ChunkSlices - 1) / ChunkSlices;
        long length = (long)rows * columns;
        // The sums of a chunk's slices, then, where there are many chunks, theirs.
        OpenClBuffer sums = Scratch((Math.Min(order.Slices, ChunkSlices) + (chunks > 1 ? chunks : 0)) * length);
        for (int chunk = 0; chunk < chunks; chunk++)
        {
            int slices = Math.Min(ChunkSlices, order.Slices - (chunk * ChunkSlices));
            LocalTile tile = ChooseTile(rows, columns, slices);
            Kernel kernel = Gradient("weight_gradient", Groups(dY), 1, tile).Start();
            Operand(kernel, dY).Long(dY.Buffer.Columns).Int(rows);
            Operand(kernel, x).Long(x.Buffer.Columns).Int(columns);
            kernel.Memory(order.Memory).Int(order.FirstEntry).Int(order.FirstBlock).Int(order.FirstSlice(span) + (chunk * ChunkSlices)).Int(cleared ? 1 : 0);
            kernel.Buffer(sums).Run(LocalTile.Groups(columns, tile.Columns) * 16, LocalTile.Groups(rows, tile.Rows) * 16, slices, 16, 16, 1);
            if (chunks == 1)
                AddSlices(sums, 0, slices, gradient, 0, target, adds: true);
            else
                AddSlices(sums, 0, slices, sums, (ChunkSlices + chunk) * length, TargetRows.Plain(rows), adds: false, columns);
        }
        if (chunks > 1)
            AddSlices(sums, ChunkSlices * length, chunks, gradient, 0, target, adds: true);
    }

    private void AddSlices(
        OpenClBuffer sums, long from, int slices, OpenClBuffer to, long first, in TargetRows target, bool adds, int? width = null)
    {
        int columns = width ?? to.Columns;
        Kernel kernel = AddingSlices(Levels(slices));
        kernel.Start().Memory(sums.Block).Long(sums.First + from).Int(slices).Memory(to.Block).Long(to.First + first).Int(target.Count).Int(columns);
        Target(kernel, target).Int(adds ? 1 : 0).Over(columns, target.Count);
    }

    // The texts of options are made once for each kernel: a step should leave nothing to collect.
    private (Kernel Blocks, Kernel Add) Bias(ColumnGroups groups, int levels)
    {
        if (_biases.TryGetValue((groups, levels), out (Kernel Blocks, Kernel Add) kernels))
            return kernels;
        string options = $"-DLEVELS={levels} -DLANES={(Family == ProductFamily.Vector ? PanelColumns : 1)}{Options("A", groups)}";
        kernels = (_programs.Get("bias_gradient.cl", "sum_blocks", options), _programs.Get("bias_gradient.cl", "add_bias", options));
        _biases.Add((groups, levels), kernels);
        return kernels;
    }

    private Kernel AddingSlices(int levels)
    {
        if (!_slices.TryGetValue(levels, out Kernel? kernel))
            _slices.Add(levels, kernel = _programs.Get("weight_gradient_local.cl", "add_slices", $"-DLEVELS={levels} -DRM=1 -DRN=2"));
        return kernel;
    }

    private Kernel Gradient(string name, ColumnGroups groups, int levels, LocalTile tile)
    {
        if (name == "weight_gradient" && _gradients.TryGetValue((groups, levels, tile), out Kernel? kernel))
            return kernel;
        kernel = Family == ProductFamily.Vector
            ? _programs.Get("weight_gradient_vector.cl", name, $"-DVECTORS={TileVectors} -DLEVELS={levels}{Options("A", groups)}")
            : _programs.Get("weight_gradient_local.cl", name, $"{tile.Options} -DLEVELS={levels}{Options("A", groups)}");
        if (name == "weight_gradient")
            _gradients.Add((groups, levels, tile), kernel);
        return kernel;
    }
}
