// Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011) and the draws of masks, whose counters are those of DropoutDraw: the same masks as on the CPU.

// What a row of draws is named by: words 0 to 3 of the counter – of word 0 the part above the quad's number –, and the key.
typedef struct
{
    uint4 counter;
    uint2 key;
} draws;

static uint4 philox(uint4 c, uint2 key)
{
    for (int round = 0; round < 10; round++)
    {
        uint high_a = mul_hi(0xD2511F53u, c.x), low_a = 0xD2511F53u * c.x, high_b = mul_hi(0xCD9E8D57u, c.z), low_b = 0xCD9E8D57u * c.z;
        c = (uint4)(high_b ^ c.y ^ key.x, low_b, high_a ^ c.w ^ key.y, low_a);
        key += (uint2)(0x9E3779B9u, 0xBB67AE85u);
    }
    return c;
}

// Draws of sample b at a time of 56 bits; "use" holds what they are drawn for and the direction, in the top byte.
static draws draws_of(uint2 key, uint layer, uint b, ulong time, uint use)
{
    draws d = { (uint4)(layer << 24, b, (uint)time, ((uint)(time >> 32) & 0xFFFFFFu) | use), key };
    return d;
}

// For units 4·quad … 4·quad + 3: "kept" where the draw is at or above the rate, 0 elsewhere. "scaled_rate" is the rate times 2^24.
static float4 draw_quad(draws d, uint quad, float scaled_rate, float kept)
{
    uint4 c = d.counter;
    c.x |= quad;
    float4 draw = convert_float4(philox(c, d.key) >> 8);
    return draw < scaled_rate ? (float4)(0.0f) : (float4)(kept);
}

// Of one unit.
static float draw_unit(draws d, uint unit, float scaled_rate, float kept)
{
    float4 quad = draw_quad(d, unit / 4, scaled_rate, kept);
    float2 pair = (unit & 2) != 0 ? quad.zw : quad.xy;
    return (unit & 1) != 0 ? pair.y : pair.x;
}

// A mask selects: what it leaves out may be infinite or NaN and does not show.
static float masked(float mask, float x) { return mask > 0.0f ? x * mask : 0.0f; }
