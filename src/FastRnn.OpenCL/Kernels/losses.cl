// Losses, one row each: see the CPU's SoftmaxCrossEntropy and ElementLosses. The host adds the rows.
#include "lines.cl"

// Softmax cross-entropy with class weights and smoothing; weights may be null without smoothing, counted may be. Rows that do not count are computed
// with the others, since their group meets at barriers, but give 0 and a gradient of 0.
__kernel void class_loss(
    INPUT(scores), BUFFER(gradient), __global const float *weights, __global const int *targets, __global const uchar *counted, __global float *losses,
    long rows, int classes, int ignored, float scale, float sharp_part, float spread, float total_weight)
{
    SHARED;
    long row = min(ROW, rows - 1);
    int count = EXISTING(rows, classes), body = BODY(count);
    __global const float *z = AT(scores) + row * classes;
    __global float *g = AT(gradient) + row * classes;
    int target = targets[row], has_gradient = HAS(gradient) && count > 0;
    int counts = target >= 0 && target != ignored && (counted == 0 || counted[row] != 0);
    target = counts ? target : 0;
    float score = count > 0 ? z[target] : 0.0f;
    lanes tail, sum = ALL(0.0f), distances = ALL(0.0f);
    float most = maximum(z, count, &tail, shared);
    for (long i = 0; i < body; i += LINE)
    {
        lanes e = exp_of(load_line(z + i, LINE, 0.0f) - most);
        sum += e;
        if (has_gradient)
            store_line(g + i, LINE, e);
    }
    lanes last = exp_of(tail - most);
    float total = tree_of(sum + last, shared), loss = FIRST(log_of(ALL(total))) + (most - score);
    float weight = weights == 0 ? 1.0f : weights[target], sharp = sharp_part * weight, spread_of_all = spread * total_weight, distance = 0.0f;
    if (spread != 0.0f)
    {
        for (long i = 0; i < count; i += LINE)
            distances = fma(load_line(weights + i, count - i, 0.0f), score - load_line(z + i, count - i, 0.0f), distances);
        distance = tree_of(distances, shared);
    }
    float all = spread != 0.0f ? sharp + spread_of_all : sharp, row_scale = all * scale, spread_scale = spread * scale;
    if (ROW < rows && LANE == 0)
        losses[row] = !counts ? 0.0f : spread != 0.0f ? all * loss + spread * distance : sharp * loss;
    if (!has_gradient)
        return;
    for (long i = 0; i < classes; i += LINE)
    {
        lanes value = (i < body ? load_line(g + i, LINE, 0.0f) : last) / total * row_scale;
        if (spread != 0.0f)
            value = nfma(load_line(weights + i, classes - i, 0.0f), ALL(spread_scale), value);
        store_line(g + i, classes - i, counts ? value : ALL(0.0f));
    }
    if (!counts || !OWNS(target))
        return;
    float at_target = (FIRST(exp_of(ALL(score - most))) / total - 1.0f) * row_scale;
    g[target] = spread != 0.0f ? fma(-weight, spread_scale, at_target) + spread_of_all * scale : at_target;
}

// Scores that are log-probabilities.
__kernel void likelihood_loss(
    INPUT(scores), BUFFER(gradient), __global const float *weights, __global const int *targets, __global const uchar *counted, __global float *losses,
    long rows, int classes, int ignored, float scale)
{
    long row = ROW;
    if (row >= rows)
        return;
    int target = targets[row], counts = target >= 0 && target != ignored && (counted == 0 || counted[row] != 0);
    float weight = counts && weights != 0 ? weights[target] : 1.0f;
    if (LANE == 0)
        losses[row] = counts ? -weight * AT(scores)[row * classes + target] : 0.0f;
    if (!HAS(gradient))
        return;
    __global float *g = AT(gradient) + row * classes;
    for (long i = 0; i < classes; i += LINE)
        store_line(g + i, classes - i, ALL(0.0f));
    if (counts && OWNS(target))
        g[target] = -weight * scale;
}

#define SQUARED 0
#define ABSOLUTE 1
#define HUBER 2
#define LOGISTIC 3

// Loss of x against y, and its slope; the sign of d is put back as a bit.
static lanes element_loss_of(int kind, lanes x, lanes y, lanes constant_of, lanes *slope)
{
    lanes d = x - y, size = magnitude_of(d), negative, positive, logarithm;
    uint_lanes sign = AS_UINT(d) & 0x80000000u;
    switch (kind)
    {
        case SQUARED:
            *slope = d + d;
            return d * d;
        case ABSOLUTE:
            *slope = size > 0.0f ? AS_FLOAT(AS_UINT(ALL(1.0f)) | sign) : ALL(0.0f);
            return size;
        case HUBER:
            *slope = AS_FLOAT(AS_UINT(min_of(constant_of, size)) | sign);
            return size < constant_of ? 0.5f * (d * d) : constant_of * nfma(ALL(0.5f), constant_of, size);
        case LOGISTIC:
            negative = 1.0f - y;
            positive = constant_of * y;
            *slope = negative * sigmoid_of(x) - positive * sigmoid_of(-x);
            logarithm = log1p_of(exp_of(AS_FLOAT(AS_UINT(x) | 0x80000000u)));
            return fma(positive, max_of(ALL(0.0f), -x) + logarithm, negative * (max_of(ALL(0.0f), x) + logarithm));
        default:
            *slope = d > 0.0f ? 1.0f - constant_of : (d < 0.0f ? -constant_of : ALL(0.0f));
            return *slope * d;
    }
}

// constants: one a column. gradient may be null, x or y.
__kernel void element_loss(
    INPUT(x), INPUT(y), BUFFER(gradient), __global const float *constants, __global const uchar *counted, __global float *losses, long rows, int columns,
    float scale, int kind)
{
    SHARED;
    long row = min(ROW, rows - 1);
    int existing = EXISTING(rows, columns), counts = counted == 0 || counted[row] != 0;
    lanes sum = ALL(0.0f), slope;
    for (long i = 0; i < existing; i += LINE)
    {
        long at = row * columns + i, count = existing - i;
        lanes loss = element_loss_of(
            kind, load_line(AT(x) + at, count, 0.0f), load_line(AT(y) + at, count, 0.0f), load_line(constants + i, count, 0.0f), &slope);
        sum += only(loss, count);
        if (HAS(gradient))
            store_line(AT(gradient) + at, count, counts ? slope * scale : ALL(0.0f));
    }
    float loss_of_row = tree_of(sum, shared);
    if (ROW < rows && LANE == 0)
        losses[row] = counts ? loss_of_row : 0.0f;
}
