using FastRnn.Numerics;

namespace FastRnn.Backends;

/// <summary>
/// Some twenty whole-array operations on opaque buffers. Above this class nobody knows where or in which precision the numbers live.
/// The reference back end is the truth (double, plain loops), the CPU back end the fast one.
/// Gradients are added to their buffers; every other result is overwritten. Calls come from one thread at a time.
/// </summary>
public abstract class Backend : IDisposable
{
    /// <summary>What this back end is, for banners: for example <c>cpu avx512, 2 threads</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Releases the threads of the back end. Buffers are released with their last reference.</summary>
    public abstract void Dispose();

    // ---- memory -------------------------------------------------------------------------------------------------------------

    /// <summary>A zeroed [rows, columns] buffer.</summary>
    internal abstract DeviceBuffer Allocate(int rows, int columns);

    /// <summary>Rows firstRow … firstRow + rows − 1 of a buffer, sharing its memory.</summary>
    internal abstract DeviceBuffer View(DeviceBuffer buffer, int firstRow, int rows);

    /// <summary>Copies rows·columns host values, row by row, into the buffer.</summary>
    internal abstract void Write(DeviceBuffer buffer, ReadOnlySpan<float> values);

    internal abstract void Write(DeviceBuffer buffer, ReadOnlySpan<double> values);

    /// <summary>Copies the buffer, row by row, to rows·columns host values.</summary>
    internal abstract void Read(DeviceBuffer buffer, Span<float> values);

    internal abstract void Read(DeviceBuffer buffer, Span<double> values);

    /// <summary>Threads of this process that compute, the caller's included.</summary>
    internal virtual int HostThreads => 1;

    /// <summary>
    /// All values of a buffer in this process's memory, row behind row with nothing between them; empty where they do not lie so. The caller keeps the buffer alive.
    /// </summary>
    internal virtual Span<float> HostMemory(DeviceBuffer buffer) => default;

    internal abstract void Zero(DeviceBuffer buffer);

    /// <summary>destination = source; equal shapes, no overlap.</summary>
    internal abstract void Copy(DeviceBuffer source, DeviceBuffer destination);

    /// <summary>
    /// Copies rows, as many as are asked for, from one buffer into another of equal width, each from a row of its own.
    /// </summary>
    internal abstract void CopyRows(DeviceBuffer source, int sourceRow, DeviceBuffer destination, int destinationRow, int rows);

    /// <summary>destination += source; equal shapes.</summary>
    internal abstract void Accumulate(DeviceBuffer source, DeviceBuffer destination);

    /// <summary>
    /// Row r of the destination receives row rows[r] of the source; a negative index stands for a row of zeros, no indices at all for
    /// row r itself. Where no row is taken twice, the adjoint is the same call with the inverse indices.
    /// </summary>
    internal abstract void GatherRows(DeviceBuffer source, ReadOnlySpan<int> rows, DeviceBuffer destination, in RowGather how);

    /// <summary>Whether weights can be stored so in inference.</summary>
    internal virtual bool Stores(WeightPrecision precision) => precision == WeightPrecision.Float32;

    // ---- layers -------------------------------------------------------------------------------------------------------------

    /// <summary>y[r] = table[tokens[r]]; a negative token yields a zero row. table [V, E], y [tokens, E].</summary>
    internal abstract void EmbeddingForward(DeviceBuffer table, ReadOnlySpan<int> tokens, DeviceBuffer y);

    /// <summary>dTable[tokens[r]] += dY[r], rows in ascending order of r for every token; negative tokens are skipped.</summary>
    internal abstract void EmbeddingBackward(DeviceBuffer dTable, ReadOnlySpan<int> tokens, DeviceBuffer dY);

    /// <summary>Parameters of y = x·Wᵀ + b with W [O, I], b [1, O].</summary>
    internal abstract LinearWeights CreateLinearWeights(int input, int output);

    /// <summary>y = x·Wᵀ + b; x [R, I], y [R, O]. W is stored as <paramref name="precision"/> says.</summary>
    internal abstract void LinearForward(
        LinearWeights weights, DeviceBuffer x, DeviceBuffer y, WeightPrecision precision = WeightPrecision.Float32);

    /// <summary>
    /// dW += dYᵀ·x, db += Σ dY, and dX = dY·W unless dX is null. Rows are [steps, batch], which fixes the order of the sums.
    /// Rows whose flag is inactive are skipped: their x may hold anything; their dX is zero.
    /// </summary>
    internal abstract void LinearBackward(
        LinearWeights weights, DeviceBuffer dWeight, DeviceBuffer dBias, DeviceBuffer x, DeviceBuffer dY, DeviceBuffer? dX,
        StepFlags? flags, int steps, int batch);

    /// <summary>
    /// y = x·m/(1−rate) with m ∈ {0, 1} drawn by <see cref="DropoutMask"/>; the backward pass is the same call on the gradient.
    /// Rows are [steps, batch]. x and y may be the same buffer.
    /// </summary>
    internal abstract void Dropout(DeviceBuffer x, DeviceBuffer y, in DropoutMask mask, int steps, int batch);

    /// <summary>y = f(x), shapes [R, F]; y may be x where nothing goes backward.</summary>
    internal abstract void ActivationForward(in ActivationFunction function, DeviceBuffer x, DeviceBuffer y);

    /// <summary>dX from x, y = f(x) and dY, all [R, F]. Rows whose flag is inactive are skipped: their x may hold anything; their dX is zero.</summary>
    internal abstract void ActivationBackward(
        in ActivationFunction function, DeviceBuffer x, DeviceBuffer y, DeviceBuffer dY, DeviceBuffer dX, StepFlags? flags);

    /// <summary>y = layer normalisation of every row of x; shapes [R, F].</summary>
    internal abstract void LayerNormForward(in LayerNormParameters parameters, DeviceBuffer x, DeviceBuffer y);

    /// <summary>
    /// dγ += Σ dY·x̂, dβ += Σ dY, and the gradient of x unless dX is null. Rows are [steps, batch], which fixes the order of the sums. Rows whose flag is
    /// inactive are skipped: their x may hold anything; their dX is zero.
    /// </summary>
    internal abstract void LayerNormBackward(
        in LayerNormParameters parameters, in LayerNormParameters gradients, DeviceBuffer x, DeviceBuffer dY, DeviceBuffer? dX, StepFlags? flags, int steps, int batch);

    // ---- memory -------------------------------------------------------------------------------------------------------------

    /// <summary>Whether the bytes of its buffers can be counted, and those of its scratch memory planned, without making them.</summary>
    internal virtual bool PlansMemory => false;

    /// <summary>Scratch memory of a recurrent layer's passes.</summary>
    internal virtual void PlanRecurrent(ScratchPlan plan, RecurrentWeights weights, RecurrentStash stash, in PlannedPass pass)
    {
    }

    /// <summary>Scratch memory of an affine layer's passes.</summary>
    internal virtual void PlanLinear(ScratchPlan plan, LinearWeights weights, int steps, int batch, in PlannedPass pass)
    {
    }

    /// <summary>Scratch memory of a normalisation of rows.</summary>
    internal virtual void PlanLayerNorm(ScratchPlan plan, int width, int steps, int batch, in PlannedPass pass)
    {
    }

    /// <summary>Scratch memory of any loss.</summary>
    internal virtual void PlanLoss(ScratchPlan plan, int rows, int columns)
    {
    }

    // ---- recurrent layers ---------------------------------------------------------------------------------------------------

    internal abstract RecurrentWeights CreateRecurrentWeights(CellType cell, int input, int hidden);

    internal abstract RecurrentStash CreateRecurrentStash(RecurrentWeights weights, int steps, int batch, Keep keep);

    /// <summary>A whole recurrent layer over a whole window; x [T·B, I].</summary>
    internal abstract void RecurrentForward(
        RecurrentWeights weights, DeviceBuffer x, RecurrentStates states, StepFlags? flags, RecurrentStash stash, int steps, int batch,
        in RecurrentPass pass = default);

    /// <summary>
    /// Back-propagation through the window that the last <see cref="RecurrentForward"/> on this stash has run. Unless
    /// <paramref name="stepNorms"/> is empty, stepNorms[t] receives ‖∂L/∂h_t‖ over the whole batch: the diagnosis of vanishing and
    /// exploding gradients.
    /// </summary>
    internal abstract void RecurrentBackward(
        RecurrentWeights weights, RecurrentGradients gradients, DeviceBuffer x, RecurrentStates states, StepFlags? flags,
        RecurrentStateGradients flow, RecurrentStash stash, Span<double> stepNorms, int steps, int batch, in RecurrentPass pass = default);

    // ---- sessions -----------------------------------------------------------------------------------------------------------

    /// <summary>An empty plan for a model's steps of one sample, or null where the back end has no stages.</summary>
    internal virtual StepPlan? CreateStepPlan(WeightPrecision weights) => null;

    /// <summary>An empty plan for steps of many streams, or null where the back end has no stages.</summary>
    internal virtual BatchPlan? CreateBatchPlan(WeightPrecision weights) => null;

    /// <summary>Whether such plans have a stage for the cell.</summary>
    internal virtual bool HasStage(CellType cell) => false;

    /// <summary>True when nothing of it is trained: parameters have no gradients, weights no packed forms for a backward pass.</summary>
    internal virtual bool InferenceOnly => false;

    /// <summary>Whether a back end lays out weights as this one does.</summary>
    internal virtual bool IsLike(Backend other) => GetType() == other.GetType();

    /// <summary>
    /// A back end of the same kind, of so many threads, for somebody's inference alone: what it needs of scratch memory is its own, so that its calls may
    /// meet those of others. The caller disposes of it, unless it is this one: then calls do come from one thread at a time.
    /// </summary>
    internal virtual Backend ForInference(int threads) => this;

    // ---- loss and update ----------------------------------------------------------------------------------------------------

    /// <summary>
    /// The loss of class scores [R, C] against target classes [R]. Rows count whose target does and whose byte in <paramref name="counted"/>
    /// – empty: all – is not 0; the others are skipped and may hold anything. Unless null, the gradient is written, zero in skipped rows.
    /// </summary>
    internal abstract LossSum ClassLoss(
        DeviceBuffer scores, ReadOnlySpan<int> targets, ReadOnlySpan<byte> counted, in ClassLossRule rule, DeviceBuffer? gradient);

    /// <summary>
    /// The loss of outputs [R, O] against target values [R, O]; <paramref name="counted"/> and <paramref name="gradient"/> as in
    /// <see cref="ClassLoss"/>.
    /// </summary>
    internal abstract LossSum ElementLoss(
        DeviceBuffer output, DeviceBuffer target, ReadOnlySpan<byte> counted, in ElementLossRule rule, DeviceBuffer? gradient);

    /// <summary>
    /// Softmax cross-entropy in nats over rows with a target ≥ 0; other rows are skipped. Returns the sum over these rows and their
    /// number. Unless null, dLogits = (softmax − onehot) / rows counted, zero in skipped rows. logits [R, V].
    /// </summary>
    internal LossSum CrossEntropy(DeviceBuffer logits, ReadOnlySpan<int> targets, DeviceBuffer? dLogits) =>
        ClassLoss(logits, targets, default, ClassLossRule.CrossEntropy, dLogits);

    /// <summary>Σ x² in double. Finite exactly when every element is finite.</summary>
    internal abstract double SumOfSquares(DeviceBuffer x);

    /// <summary>The sums of many buffers: one wait for a device instead of one for each.</summary>
    internal virtual void SumsOfSquares(ReadOnlySpan<DeviceBuffer> buffers, Span<double> sums)
    {
        for (int i = 0; i < buffers.Length; i++)
            sums[i] = SumOfSquares(buffers[i]);
    }

    /// <summary>w −= rate·(scale·g): plain stochastic gradient descent.</summary>
    internal abstract void SgdUpdate(DeviceBuffer weight, DeviceBuffer gradient, in SgdStep step);

    /// <summary>Adam (Kingma, Ba 2015) with PyTorch's placement of ε; see <see cref="AdamStep"/>.</summary>
    internal abstract void AdamUpdate(DeviceBuffer weight, DeviceBuffer gradient, DeviceBuffer m, DeviceBuffer v, in AdamStep step);

    /// <summary>A step of any other optimiser; see <see cref="UpdateStep"/>.</summary>
    internal abstract void Update(DeviceBuffer weight, DeviceBuffer gradient, in UpdateArrays arrays, in UpdateStep step);

    /// <summary>x = min(max(x, −limit), limit).</summary>
    internal abstract void ClampValues(DeviceBuffer x, float limit);

    /// <summary>
    /// l1·Σ|w| + l2·Σw² in double, and gradient += its derivative, l1·sign(w) + 2·l2·w with sign(0) = 0. The gradient may be left out.
    /// </summary>
    internal abstract double Penalty(DeviceBuffer weight, DeviceBuffer? gradient, float l1, float l2);

    /// <summary>
    /// The penalty of activities x [T·B, F], see <see cref="ActivityRule"/>. Unless null, the gradient [T·B, F] receives dY plus the
    /// penalty's derivative. Rows whose flag is inactive are skipped: they may hold anything; their gradient is zero.
    /// </summary>
    internal abstract double ActivityPenalty(
        DeviceBuffer x, DeviceBuffer dY, DeviceBuffer? gradient, in ActivityRule rule, StepFlags? flags, int steps, int batch);

    /// <summary>Scales every row of x whose L2 norm is above the limit down to it.</summary>
    internal abstract void LimitRowNorms(DeviceBuffer x, float limit);
}

/// <summary>Matrices that a layer multiplies with.</summary>
internal abstract class ProductWeights
{
    /// <summary>Most products in a sum.</summary>
    public abstract int LongestSum { get; }

    /// <summary>
    /// Makes, where blocks are only counted, the copies in reduced precision that there are, and those that inference with such weights would add.
    /// </summary>
    public virtual void PlanReduced(WeightPrecision precision)
    {
    }

    /// <summary>Makes all that a forward pass reads beside the parameters: from then on passes may meet, as long as no parameter is written.</summary>
    public virtual void Prepare(WeightPrecision precision)
    {
    }

    /// <summary>
    /// Makes, of what <see cref="Prepare"/> makes in float32, the large things that come from this parameter alone; nothing where it is none of these weights.
    /// </summary>
    public virtual void PrepareFrom(DeviceBuffer parameter)
    {
    }

    /// <summary>Gives back what <see cref="Prepare"/> has made, until it is needed again; of weights that only inference uses.</summary>
    public virtual void Release()
    {
    }
}

/// <summary>W [O, I] and b [1, O]; a back end derives from this class to keep packed copies.</summary>
internal class LinearWeights(int input, int output, Func<int, int, DeviceBuffer> allocate) : ProductWeights
{
    public override int LongestSum => Input;

    public int Input { get; } = input;

    public int Output { get; } = output;

    public DeviceBuffer Weight { get; } = allocate(output, input);

    public DeviceBuffer Bias { get; } = allocate(1, output);
}

/// <summary>Scale multiplies the gradient first (clipping).</summary>
internal readonly record struct SgdStep(double Rate, float Scale);

/// <summary>
/// g' = Scale·g; m = β1·m + (1−β1)·g'; v = β2·v + (1−β2)·g'²; w −= (Rate/Correction1) · m / (√v/√Correction2 + ε),
/// Correction_k = 1 − β_k^step. Stored m and v below 2⁻¹⁰⁰ become 0.
/// </summary>
internal readonly record struct AdamStep(
    double Rate, float Beta1, float Beta2, float Epsilon, double Correction1, double Correction2, float Scale);

