// Lines of 16 elements of a row on devices whose work-items have them as one vector.

// Elements of a line of which "count" exist; the others are "fill".
static float16 load_line(__global const float *x, long count, float fill)
{
    if (count >= 16)
        return vload16(0, x);
    float last[16];
    for (int i = 0; i < 16; i++)
        last[i] = i < count ? x[i] : fill;
    return vload16(0, last);
}

static void store_line(__global float *x, long count, float16 v)
{
    if (count >= 16)
    {
        vstore16(v, 0, x);
        return;
    }
    float last[16];
    vstore16(v, 0, last);
    for (int i = 0; i < count; i++)
        x[i] = last[i];
}
