// The CPU's fixed trees of additions.

// Sixteen sums, of floats or doubles, into x[0].
#define SUM_OF_SIXTEEN(x) \
    for (int part = 8; part > 0; part /= 2) \
        for (int i = 0; i < part; i++) \
            (x)[i] += (x)[i + part];

// Sums of slices as they come, number "slice" on "top" others: like the carries of a binary counter equal levels are combined. Gives the new top.
static int push_slice(float *tree, int top, int slice, float sum)
{
    for (int carry = slice; carry & 1; carry >>= 1)
        sum = tree[--top] + sum;
    tree[top] = sum;
    return top + 1;
}

// What is left of all slices, together.
static float sum_of_slices(const float *tree, int top)
{
    float total = tree[--top];
    while (top > 0)
        total = tree[--top] + total;
    return total;
}
